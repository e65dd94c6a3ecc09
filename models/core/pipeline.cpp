#include "models/core/pipeline.h"

namespace pagewalk::models {

Pipeline::Pipeline(const CoreConfig& config, CoreStats& stats)
    : m_dispatch_width(config.dispatch_width), m_commit_width(config.commit_width),
      m_scheduler_entries(config.scheduler_entries), m_stack(&stats.cpi_stack[0]), m_rob(config.rob_entries),
      m_load_queue(config.load_queue_entries), m_store_queue(config.store_queue_entries),
      m_registers(config.integer_registers, config.vector_registers), m_schedule(config.port_masks()),
      m_fetch_ahead(Cycles(config.fetch_buffer / config.dispatch_width)), m_fetch_cycles(config.fetch_width),
      m_dispatch_cycles(config.dispatch_width), m_commit_cycles(config.commit_width), m_stats(stats) {}

void Pipeline::wait_for_scheduler() {
    while (m_schedule.waiting(m_dispatch_cycle.value()) >= m_scheduler_entries)
        dispatch_at(Cycles(m_schedule.next()));
}

void Pipeline::charge_gap(Cycles stall, StallCause cause, Cycles tlb_wait) {
    if (m_dispatch_cause != StallCause::Base && m_dispatch_cycle > m_commit_cycle) {
        const Cycles front = std::min(stall, m_dispatch_cycle - m_commit_cycle);
        charge(m_dispatch_cause, front);
        stall -= front;
    }
    const Cycles tlb = std::min(stall, tlb_wait);
    charge(StallCause::Dtlb, tlb);
    charge(cause, stall - tlb);
}

void Pipeline::run_chain(std::uint32_t count, RegisterId chain, Cycles work) {
    const Cycles dispatched = dispatch_needing<Queue::None>({});
    const std::uint32_t rest = count - 1;
    if (rest > m_dispatch_left) dispatch_at(dispatched + Cycles(m_dispatch_cycles(rest - m_dispatch_left)));
    m_dispatch_left -= std::min(m_dispatch_left, rest);
    Cycles& ready = m_register_ready[chain];
    ready = std::max(ready, dispatched + Cycles(1)) + work;
    const Cycles width_bound = m_commit_cycle + Cycles(m_commit_cycles(count));
    commit(std::max(ready, width_bound - Cycles(1)), StallCause::Dependency);
    m_rob.push(m_commit_cycle, rest);
}

void Pipeline::resume_at(Cycles cycle) {
    if (cycle > m_commit_cycle) {
        m_commit_cycle = cycle;
        m_commit_left = m_commit_width;
    }
    if (m_commit_cycle > m_dispatch_cycle) dispatch_at(m_commit_cycle);
    m_fetch_cycle = std::max(m_fetch_cycle, m_commit_cycle);
}

} // namespace pagewalk::models
