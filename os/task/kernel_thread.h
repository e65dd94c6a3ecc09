#pragma once

#include "os/task/task_runner.h"
#include "os/task/wait_queue.h"

namespace pagewalk::os {

/// One of the kernel's own threads: a loop that runs as a task of its own.
class KernelThread {
public:
    explicit KernelThread(TaskRunner& runner) : m_runner(runner), m_idle(runner) {}
    virtual ~KernelThread() = default;
    KernelThread(const KernelThread&) = delete;
    KernelThread& operator=(const KernelThread&) = delete;

    /// The loop; never returns. Between two rounds of work it calls op.host->end_round(op).
    virtual void run(Operation& op) = 0;

    /// Does it sleep, with nobody having woken it?
    [[nodiscard]] bool asleep() const { return !m_idle.empty(); }
    /// try_to_wake_up, on behalf of `op`. Nothing where it is awake.
    void wake(Operation& op);

protected:
    /// Until woken, at `until` at the latest.
    WaitEnd sleep(Operation& op, Tick until = no_time) {
        return m_idle.wait(op, Waiting::Uninterruptible, until);
    }

private:
    void make_runnable(std::uint64_t task, const Moment& moment);

    TaskRunner& m_runner;
    WaitQueue m_idle;
    Task* m_task = nullptr; ///< that was woken last
};

} // namespace pagewalk::os
