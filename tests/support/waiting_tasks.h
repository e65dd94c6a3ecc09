#pragma once

#include "base/ids.h"
#include "base/rng.h"
#include "os/task/fiber.h"

#include <cstddef>
#include <deque>
#include <utility>

namespace pagewalk::os {

/// Tasks on fibers without a kernel: what they call may stop them, and a test lets them go on, on any CPU.
class WaitingTasks {
public:
    struct Task {
        Fiber fiber;
        CpuId cpu{};

        [[nodiscard]] bool over() const { return fiber.idle(); }
    };

    /// A task that does `job()` on `cpu`, up to where it waits or ends.
    template <class Job>
    Task& begin(CpuId cpu, Job job) {
        Task& task = idle_task();
        task.cpu = cpu;
        Task* const outer = std::exchange(m_running, &task);
        task.fiber.start(std::move(job));
        m_running = outer;
        return task;
    }
    /// Contract: the task waits.
    void go_on(Task& task, CpuId cpu) {
        task.cpu = cpu;
        Task* const outer = std::exchange(m_running, &task);
        task.fiber.resume();
        m_running = outer;
    }
    void go_on(Task& task) { go_on(task, task.cpu); }

    /// Called by what a task's job calls: stops the task here. Nothing outside all tasks.
    void wait() {
        if (m_running == nullptr) return;
        ++waits;
        m_running->fiber.suspend();
    }
    /// The running task's; `cpu` outside all.
    [[nodiscard]] CpuId current_cpu(CpuId cpu) const { return m_running == nullptr ? cpu : m_running->cpu; }

    [[nodiscard]] std::size_t waiting() const {
        std::size_t sum = 0;
        for (const Task& task : m_tasks) sum += task.over() ? 0 : 1;
        return sum;
    }
    /// One of those that wait. Contract: some do.
    [[nodiscard]] Task& any_waiting(Rng& rng) {
        std::uint64_t which = rng.below(waiting());
        for (Task& task : m_tasks)
            if (!task.over() && which-- == 0) return task;
        std::unreachable();
    }

    /// Ends tasks that still wait, before what they use goes away.
    void unwind() { m_tasks.clear(); }

    std::size_t waits = 0;

private:
    Task& idle_task() {
        for (Task& task : m_tasks)
            if (task.over()) return task;
        return m_tasks.emplace_back();
    }

    std::deque<Task> m_tasks;
    Task* m_running = nullptr;
};

} // namespace pagewalk::os
