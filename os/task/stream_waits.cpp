#include "os/task/stream_waits.h"

#include "os/task/program.h"
#include "os/task/task.h"

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

bool StreamWaits::wait_for_news(const Moment& moment) {
    constexpr std::uint64_t limit_us = 20'000; // an interrupted run ends in time
    if (m_parked.empty()) return false;
    const std::size_t before = m_parked.size();
    m_parked.front()->program->workload->wait_for_news(limit_us);
    poll(moment);
    return m_parked.size() < before;
}

} // namespace pagewalk::os
