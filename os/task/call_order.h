#pragma once

#include "os/path/kernel_counters.h"
#include "os/task/order_gate.h"
#include "os/task/wait_queue.h"

#include <cstdint>

namespace pagewalk::os {

/// Keeps the ordered system calls of a program's threads in the order in which they began and ended when the
/// program ran.
class CallOrder {
public:
    CallOrder(TaskRunner& runner, KernelCounters& counters) : m_waiters(runner), m_counters(counters) {}

    /// Waits until event `order` is the next, then lets those after it come. 0 = unordered. Killed: the event
    /// is passed all the same, for the sake of the others.
    WaitEnd reach(Operation& op, std::uint64_t order);
    /// Waits until event `order` is the next, and leaves it to reach() to let others come.
    WaitEnd await(Operation& op, std::uint64_t order);
    /// Event `order` has taken place: lets those after it come.
    void pass(std::uint64_t order, const Moment& moment);

    /// Nobody can run, and somebody waits for his turn: lets the first in line have it. Returns whether there
    /// was one. (The order may have holes: what was not recorded.)
    bool skip_ahead(const Moment& moment);

private:
    OrderGate m_gate;
    WaitQueue m_waiters;
    KernelCounters& m_counters;
};

} // namespace pagewalk::os
