#include "os/task/stream_waits.h"

#include "os/task/task.h"

#include <algorithm>

namespace pagewalk::os {

void StreamWaits::park(Operation& op) {
    m_runner.fall_asleep(op, SleepReason::Stream, no_time);
    m_parked.push_back(op.self);
}

void StreamWaits::poll(const Moment& moment) {
    if (m_parked.empty()) return;
    std::erase_if(m_parked, [&](Task* task) {
        const bool goes_on = task->reason != SleepReason::Stream || task->killed || task->stream->ready();
        if (goes_on) m_runner.wake(*task, moment);
        return goes_on;
    });
}

bool StreamWaits::any_on(CpuId cpu) const {
    return std::ranges::any_of(m_parked, [cpu](const Task* task) { return task->cpu == cpu; });
}

bool StreamWaits::any_at_work() const {
    return std::ranges::any_of(
        m_parked, [](const Task* task) { return !task->in_call && !task->stream->waits_for_others(); });
}

} // namespace pagewalk::os
