#include "models/core/pipeline.h"

namespace pagewalk::models {

Pipeline::Pipeline(const CoreConfig& config, CoreStats& stats)
    : m_dispatch_width(config.dispatch_width), m_commit_width(config.commit_width),
      m_scheduler_entries(config.scheduler_entries), m_stack(&stats.cpi_stack[0]), m_rob(config.rob_entries),
      m_load_queue(config.load_queue_entries), m_store_queue(config.store_queue_entries),
      m_schedule(config.port_masks()), m_fetch_ahead(config.fetch_buffer / config.dispatch_width),
      m_fetch_cycles(config.fetch_width), m_dispatch_cycles(config.dispatch_width),
      m_commit_cycles(config.commit_width), m_stats(stats) {}

void Pipeline::wait_for_scheduler() {
    while (m_schedule.waiting(m_dispatch_cycle) >= m_scheduler_entries) dispatch_at(m_schedule.next());
}

void Pipeline::charge_gap(std::uint64_t stall, StallCause cause, std::uint64_t tlb_wait) {
    if (m_dispatch_cause != StallCause::Base && m_dispatch_cycle > m_commit_cycle) {
        const std::uint64_t front = std::min(stall, m_dispatch_cycle - m_commit_cycle);
        charge(m_dispatch_cause, front);
        stall -= front;
    }
    const std::uint64_t tlb = std::min(stall, tlb_wait);
    charge(StallCause::Dtlb, tlb);
    charge(cause, stall - tlb);
}

void Pipeline::run_chain(std::uint32_t count, RegisterId chain, std::uint64_t work) {
    const std::uint64_t dispatched = dispatch();
    const std::uint32_t rest = count - 1;
    if (rest > m_dispatch_left) dispatch_at(dispatched + m_dispatch_cycles(rest - m_dispatch_left));
    m_dispatch_left -= std::min(m_dispatch_left, rest);
    std::uint64_t& ready = m_register_ready[chain];
    ready = std::max(ready, dispatched + 1) + work;
    const std::uint64_t width_bound = m_commit_cycle + m_commit_cycles(count);
    commit(std::max(ready, width_bound - 1), StallCause::Dependency);
    m_rob.push(m_commit_cycle, rest);
}

void Pipeline::resume_at(std::uint64_t cycle) {
    if (cycle > m_commit_cycle) {
        m_commit_cycle = cycle;
        m_commit_left = m_commit_width;
    }
    if (m_commit_cycle > m_dispatch_cycle) dispatch_at(m_commit_cycle);
    m_fetch_cycle = std::max(m_fetch_cycle, m_commit_cycle);
}

} // namespace pagewalk::models
