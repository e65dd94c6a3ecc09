#pragma once

#include "contract/kernel_path.h"
#include "os/path/effect.h"
#include "os/path/operation.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::os {

class TaskRunner;

/// What ended a wait.
enum class WaitEnd : std::uint8_t { Woken, TimedOut, Killed };

enum class Waiting : std::uint8_t {
    Uninterruptible, ///< woken or timed out only
    Killable,        ///< a kill ends the wait, too
};

/// Tasks that wait for something, first come, first woken. Contract: whoever waits looks at the condition
/// again afterwards, and outlives neither the queue nor the tasks in it.
class WaitQueue {
public:
    explicit WaitQueue(TaskRunner& runner) : m_runner(&runner) {}
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;

    /// Stops the operation here until the task is woken, at `until` at the latest. Contract: op.may_wait().
    WaitEnd wait(Operation& op, Waiting how = Waiting::Uninterruptible, Tick until = no_time);

    /// Wakes the first `count` tasks. Returns how many there were.
    std::size_t wake(std::size_t count, const Moment& moment);
    void wake_all(const Moment& moment) { wake(m_tasks.size(), moment); }
    /// Wakes the first for whom `chosen(Task&)` holds, `count` of them at most. Returns how many.
    template <class Choose>
    std::size_t wake_if(std::size_t count, const Moment& moment, const Choose& chosen) {
        std::size_t woken = 0;
        for (std::size_t i = 0; i < m_tasks.size() && woken < count;) {
            if (!chosen(*m_tasks[i])) {
                ++i;
                continue;
            }
            wake_at(i, moment);
            ++woken;
        }
        return woken;
    }
    /// As an Operation's effect: wakes `count` tasks.
    void wake_effect(std::uint64_t count, const Moment& moment) {
        wake(static_cast<std::size_t>(count), moment);
    }

    /// Takes a task out that something else has woken.
    void remove(Task& task);
    [[nodiscard]] bool empty() const { return m_tasks.empty(); }
    [[nodiscard]] std::size_t size() const { return m_tasks.size(); }
    /// In the order in which they came.
    [[nodiscard]] std::span<Task* const> tasks() const { return m_tasks; }
    /// Contract: not empty.
    [[nodiscard]] Task& front() const { return *m_tasks.front(); }

private:
    void wake_at(std::size_t index, const Moment& moment);

    TaskRunner* m_runner;
    std::vector<Task*> m_tasks;
};

} // namespace pagewalk::os
