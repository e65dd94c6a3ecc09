#include "models/core/pipeline.h"

#include <algorithm>

namespace pagewalk::models {

Pipeline::Pipeline(const CoreConfig& config)
    : m_dispatch_width(config.dispatch_width), m_commit_width(config.commit_width),
      m_scheduler_entries(config.scheduler_entries), m_commit_waits(remembered_commits),
      m_rob(config.rob_entries), m_load_queue(config.load_queue_entries),
      m_store_queue(config.store_queue_entries),
      m_registers(config.integer_registers, config.vector_registers), m_schedule(config.port_masks()),
      m_fetch_ahead(Cycles(config.fetch_buffer / config.dispatch_width)), m_fetch_cycles(config.fetch_width),
      m_dispatch_cycles(config.dispatch_width), m_commit_cycles(config.commit_width) {}

void Pipeline::wait_for_scheduler() {
    while (m_schedule.waiting(m_dispatch_cycle.value()) >= m_scheduler_entries) {
        const Cycles next(m_schedule.next());
        // What fills the scheduler waits for the load that is still on its way, if there is one.
        Wait wait = m_far_until > m_dispatch_cycle ? m_far_wait : m_last_wait;
        wait.gap = Wait::longest;
        charge_empty_slots(next, next, wait, StallCause::Base);
        dispatch_at(next);
    }
}

void Pipeline::charge(Wait wait, std::uint64_t slots) {
    const std::uint64_t tlb = slots * wait.tlb_share / whole_share;
    charge(StallCause::Dtlb, tlb);
    charge(wait.cause, slots - tlb);
}

void Pipeline::charge_window(Cycles from, Cycles window, Wait wait, std::uint64_t slots) {
    Cycles end = window;
    while (wait.gap < (end - from).value() && (window - end).value() + wait.gap < remembered_commits) {
        const std::uint64_t part = std::min<std::uint64_t>(slots, std::uint64_t{wait.gap} * m_dispatch_width);
        charge(wait, part);
        slots -= part;
        end = end - Cycles(wait.gap);
        wait = commit_wait_at(end);
    }
    charge(wait, slots);
}

void Pipeline::charge_fetch(Cycles from, std::uint64_t slots) {
    if (m_fetch_held_until > from)
        charge(m_fetch_cause, std::min(slots, (m_fetch_held_until - from).value() * m_dispatch_width));
}

[[gnu::noinline]] void Pipeline::charge_empty_slots(Cycles cycle, Cycles window, Wait wait,
                                                    StallCause other) {
    Cycles from = m_dispatch_cycle;
    std::uint64_t left = m_dispatch_left; // slots of the cycle `from`
    if (m_charged_until > from) {
        from = m_charged_until;
        left = m_dispatch_width;
    }
    const auto slots_until = [&](Cycles end) { return left + ((end - from).value() - 1) * m_dispatch_width; };
    if (cycle > from && window > from) {
        charge_window(from, window, wait, slots_until(window));
        from = window;
        left = m_dispatch_width;
    }
    if (cycle <= from) return;
    if (other != StallCause::Base)
        charge(other, slots_until(cycle));
    else
        charge_fetch(from, slots_until(cycle));
}

void Pipeline::settle() {
    if (m_commit_cycle <= m_charged_until) return;
    charge_empty_slots(m_commit_cycle, m_commit_cycle, commit_wait_at(m_commit_cycle), StallCause::Base);
    m_charged_until = m_commit_cycle;
}

CoreStats::CpiStack Pipeline::charged(Mode mode) const {
    CoreStats::CpiStack cycles = m_empty_slots[static_cast<std::size_t>(mode)];
    for (std::uint64_t& slots : cycles) slots /= m_dispatch_width;
    return cycles;
}

void Pipeline::run_chain(std::uint32_t count, RegisterId chain, Cycles work) {
    const Cycles dispatched = dispatch_after<Queue::None>(m_rob.oldest());
    const std::uint32_t rest = count - 1;
    if (rest > m_dispatch_left) dispatch_at(dispatched + Cycles(m_dispatch_cycles(rest - m_dispatch_left)));
    m_dispatch_left -= std::min(m_dispatch_left, rest);
    Cycles& ready = m_register_ready[chain];
    ready = std::max(ready, dispatched + Cycles(1)) + work;
    const Cycles width_bound = m_commit_cycle + Cycles(m_commit_cycles(count));
    commit<Results::None>(std::max(ready, width_bound - Cycles(1)), StallCause::Dependency);
    m_rob.push(m_commit_cycle, rest);
}

void Pipeline::resume_at(Cycles cycle) {
    if (cycle > m_commit_cycle) {
        m_commit_cycle = cycle;
        m_commit_left = m_commit_width;
    }
    if (m_commit_cycle > m_dispatch_cycle) dispatch_at(m_commit_cycle);
    m_fetch_cycle = std::max(m_fetch_cycle, m_commit_cycle);
    m_charged_until = std::max(m_charged_until, m_commit_cycle);
}

void Pipeline::wait_until(Cycles cycle, StallCause cause) {
    settle();
    // A micro-op that faults has been dispatched, and what kept it is charged.
    const Cycles from = std::max(m_commit_cycle, m_dispatch_cycle);
    if (cycle > from) charge(cause, (cycle - from).value() * m_dispatch_width);
    resume_at(cycle);
}

void Pipeline::idle_until(Cycles cycle) {
    settle();
    resume_at(cycle);
}

} // namespace pagewalk::models
