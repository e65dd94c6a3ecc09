#pragma once

#include "os/task/task_runner.h"

#include <vector>

namespace pagewalk::os {

/// Tasks whose streams have nothing that may happen now. They take no CPU and no simulated time until they
/// have.
class StreamWaits {
public:
    explicit StreamWaits(TaskRunner& runner) : m_runner(runner) {}

    /// Ends the operation's path in a sleep until the stream of its task is ready.
    void park(Operation& op);
    /// Wakes those whose streams are ready.
    void poll(const Moment& moment);
    [[nodiscard]] bool empty() const { return m_parked.empty(); }
    /// Is there one that ran on `cpu`?
    [[nodiscard]] bool any_on(CpuId cpu) const;
    /// Is there one whose program is only slower than the simulation: not in a system call, nor held until
    /// other threads have come further?
    [[nodiscard]] bool any_at_work() const;

private:
    TaskRunner& m_runner;
    std::vector<Task*> m_parked;
};

} // namespace pagewalk::os
