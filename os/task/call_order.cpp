#include "os/task/call_order.h"

#include "os/task/task.h"

#include <algorithm>

namespace pagewalk::os {

WaitEnd CallOrder::await(Operation& op, std::uint64_t order) {
    WaitEnd end = WaitEnd::Woken;
    while (!m_gate.due(order) && end == WaitEnd::Woken) {
        ++m_counters.order_waits;
        op.self->awaited_order = order;
        end = m_waiters.wait(op, Waiting::Killable);
    }
    return end;
}

WaitEnd CallOrder::reach(Operation& op, std::uint64_t order) {
    const WaitEnd end = await(op, order);
    if (m_gate.due(order)) pass(order, {op.cpu, op.now});
    return end;
}

void CallOrder::pass(std::uint64_t order, const Moment& moment) {
    if (order == 0) return;
    m_gate.pass(order);
    m_waiters.wake_if(m_waiters.size(), moment,
                      [this](const Task& waiter) { return m_gate.due(waiter.awaited_order); });
}

bool CallOrder::skip_ahead(const Moment& moment) {
    if (m_waiters.empty()) return false;
    const auto first = std::ranges::min(m_waiters.tasks(), {}, &Task::awaited_order)->awaited_order;
    pass(first - 1, moment);
    return true;
}

} // namespace pagewalk::os
