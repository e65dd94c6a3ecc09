#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "os/task/task.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace pagewalk::os {

/// Which task runs where and when: a queue for each CPU, first in first out; woken and new tasks go to the
/// CPU with the least to do; a CPU that runs dry takes from the longest queue.
class Scheduler {
public:
    explicit Scheduler(std::size_t cpus) : m_queues(cpus), m_running(cpus, nullptr) {}

    /// Makes a task runnable on the CPU with the least to do: the one it ran on last where that is idle, else
    /// the lowest.
    void wake(Task& task);
    /// Puts a task that was preempted behind the others of its CPU.
    void requeue(Task& task);
    /// The next task for `cpu`, taken off its queue; null when there is nothing to run.
    [[nodiscard]] Task* next(CpuId cpu);
    void remove(Task& task);

    /// Registers a sleep that ends at task.wake_time.
    void sleep(Task& task);
    /// Takes out a task whose sleep is over at `now`, the earliest first; null when there is none.
    [[nodiscard]] Task* take_sleeper(Tick now);
    /// When the next sleep ends; no_time when none does.
    [[nodiscard]] Tick next_wakeup() const;
    void cancel_sleep(Task& task);

    void set_running(CpuId cpu, Task* task) { m_running[cpu] = task; }
    [[nodiscard]] Task* running(CpuId cpu) const { return m_running[cpu]; }
    [[nodiscard]] bool has_waiting(CpuId cpu) const { return !m_queues[cpu].empty(); }
    /// Nobody runs or waits for a CPU.
    [[nodiscard]] bool all_idle() const;
    /// Nor does anybody, kernel threads aside, sleep for a time.
    [[nodiscard]] bool all_quiet() const;
    [[nodiscard]] std::size_t cpus() const { return m_running.size(); }

private:
    struct Sleeper {
        Tick time;
        std::uint64_t sequence; ///< equal times wake in the order in which they went to sleep
        Task* task;
    };
    static bool later(const Sleeper& a, const Sleeper& b) {
        return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
    [[nodiscard]] std::size_t load(CpuId cpu) const {
        return m_queues[cpu].size() + (m_running[cpu] != nullptr ? 1 : 0);
    }

    IndexedVec<CpuId, std::deque<Task*>> m_queues;
    IndexedVec<CpuId, Task*> m_running;
    std::vector<Sleeper> m_sleepers; // a heap, earliest first
    std::uint64_t m_sequence = 0;
};

} // namespace pagewalk::os
