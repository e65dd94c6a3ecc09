#pragma once

#include "os/task/task_runner.h"
#include "os/task/wait_queue.h"

#include <cstdint>

namespace pagewalk::os {

/// Tasks that wait on a word of their memory: one queue, as it is in a bucket of the kernel's hash table.
class Futexes {
public:
    explicit Futexes(TaskRunner& runner) : m_waiters(runner) {}

    /// Until somebody wakes the word's waiters. Contract: the program has found the value that it expects
    /// there.
    void wait(Operation& op, VirtAddr word);
    /// Wakes `count` of the word's waiters, first come first. They are chosen now and run once the path gets
    /// here.
    void wake(Operation& op, VirtAddr word, std::uint64_t count);

    /// Nobody is left to wake a waiter: gives the first wait up. Returns whether there was one.
    bool give_up_a_wait(const Moment& moment) { return m_waiters.wake(1, moment) != 0; }

private:
    void wake_chosen(std::uint64_t waker, const Moment& moment);

    WaitQueue m_waiters;
};

} // namespace pagewalk::os
