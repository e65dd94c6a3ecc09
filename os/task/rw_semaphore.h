#pragma once

#include "os/task/wait_queue.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// A lock that may be held over a sleep: many readers or one writer, in the order in which they came
/// (rw_semaphore; with writers only, a mutex). Whoever lets go does so when the path gets there, and hands
/// the lock to the next in line. Operations that nobody runs (boot) take it without waiting. Contract: not
/// taken twice by one task.
class RwSemaphore {
public:
    explicit RwSemaphore(TaskRunner& runner) : m_queue(runner) {}

    enum class Access : std::uint8_t { Read, Write };
    /// Waits until the lock is the caller's. The caller appends what that costs.
    void lock(Operation& op, Access access);
    /// Lets go at this point of the operation's path.
    void unlock(Operation& op, Access access);

    [[nodiscard]] bool write_locked() const { return m_writers != 0; }
    [[nodiscard]] std::uint32_t readers() const { return m_readers; }
    [[nodiscard]] std::size_t waiting() const { return m_queue.size(); }

private:
    /// An unlock that its path has not reached. The same operation may lock again before that.
    struct Leaving {
        const Task* task;
        Access access;
    };
    void let_go(std::uint64_t access, const Moment& moment);
    void hand_over(const Moment& moment);
    [[nodiscard]] bool free_for(Access access, const Task* task) const;
    void take(Access access) { ++(access == Access::Read ? m_readers : m_writers); }

    std::uint32_t m_readers = 0;
    std::uint32_t m_writers = 0; ///< 1, or more while one operation is leaving and locking again
    std::vector<Leaving> m_leaving;
    WaitQueue m_queue;
    std::vector<Access> m_wanted; ///< by those in the queue
};

} // namespace pagewalk::os
