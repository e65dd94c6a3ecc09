#pragma once

#include "base/time.h"
#include "contract/instruction_stream.h"
#include "models/core/ceil_divider.h"
#include "models/core/core_config.h"
#include "models/core/core_stats.h"
#include "models/core/issue_schedule.h"
#include "models/core/register_files.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pagewalk::models {

/// The cycles at which the entries of a queue become free, in the order they were taken: a ring of as many.
class FreeCycles {
public:
    explicit FreeCycles(std::uint32_t entries)
        : m_cycles(entries), m_oldest(m_cycles.data()), m_end(m_cycles.data() + entries) {}
    FreeCycles(const FreeCycles&) = delete;
    FreeCycles& operator=(const FreeCycles&) = delete;

    /// When the entry that the next one takes is free; 0 while the queue has never been full.
    [[nodiscard]] Cycles oldest() const { return *m_oldest; }
    /// An entry is taken until `cycle`.
    void push(Cycles cycle) {
        Cycles* const next = m_oldest + 1;
        *m_oldest = cycle;
        m_oldest = next == m_end ? m_cycles.data() : next;
    }
    void push(Cycles cycle, std::uint32_t times) {
        using Four [[gnu::vector_size(32)]] = std::uint64_t;
        const Four four = Four{} + cycle.value();
        for (; times >= 4 && m_end - m_oldest > 4; times -= 4) {
            std::memcpy(static_cast<void*>(m_oldest), &four, sizeof four);
            m_oldest += 4;
        }
        for (; times != 0; --times) push(cycle);
    }

private:
    std::vector<Cycles> m_cycles;
    Cycles* m_oldest;
    Cycles* m_end;
};

/// The window of an out-of-order core by timestamps: when each micro-op is dispatched, issued and committed,
/// from the occupancy of dispatch, ROB, registers, scheduler, load and store queues, ports, and its operands.
/// Charges every cycle without a commit to what it waited for.
class Pipeline {
public:
    /// The queue that a micro-op takes an entry of, beside the ROB.
    enum class Queue : std::uint8_t { None, Load, Store };

    Pipeline(const CoreConfig& config, CoreStats& stats);
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // Front end.
    /// The cycle at which the next micro-op leaves it.
    [[nodiscard]] Cycles fetch_cycle() const { return m_fetch_cycle; }
    /// Nothing leaves the front end before `cycle`, because of `cause`.
    void hold_fetch(Cycles cycle, StallCause cause) {
        if (cycle <= m_fetch_cycle) return;
        m_fetch_cycle = cycle;
        m_fetch_cause = cause;
    }
    /// What holds the front end up now, whatever did before.
    void blame_fetch_on(StallCause cause) { m_fetch_cause = cause; }
    /// The front end has run no further ahead of dispatch than its buffer holds.
    void keep_fetch_near() {
        if (m_dispatch_cycle > m_fetch_cycle + m_fetch_ahead)
            m_fetch_cycle = m_dispatch_cycle - m_fetch_ahead;
    }
    /// The fetch bandwidth of so many instructions.
    void pass_fetch(std::uint32_t instructions) { m_fetch_cycle += Cycles(m_fetch_cycles(instructions)); }

    // The stages of a micro-op, in order.
    template <Queue queue = Queue::None>
    [[nodiscard]] Cycles dispatch(const MicroOp& uop);
    [[nodiscard]] Cycles operands_ready(const MicroOp& uop, Cycles from) const {
        // Register 0 is never written, so reading it needs no test; most read two registers at most.
        const auto sources = std::bit_cast<std::uint32_t>(uop.sources);
        Cycles ready = std::max(from, m_register_ready[sources & 0xff]);
        ready = std::max(ready, m_register_ready[sources >> 8 & 0xff]);
        if (sources >> 16 != 0) [[unlikely]] {
            ready = std::max(ready, m_register_ready[sources >> 16 & 0xff]);
            ready = std::max(ready, m_register_ready[sources >> 24]);
        }
        return ready;
    }
    /// The first cycle from `ready` with a free port of the class, which it takes.
    [[nodiscard]] Cycles issue(UopClass cls, Cycles ready) {
        return Cycles(m_schedule.issue(cls, ready.value(), m_dispatch_cycle.value()));
    }
    void write_registers(const MicroOp& uop, Cycles cycle) {
        m_register_ready[uop.destinations[0]] = cycle;
        m_register_ready[uop.destinations[1]] = cycle;
        m_register_ready[0] = Cycles();
    }
    /// In-order commit; the cycles since the last commit are charged to what this micro-op waited for: first
    /// to what held dispatch, then up to `tlb_wait` of them to the TLB, then to `cause`. Returns its cycle.
    Cycles commit(Cycles complete, StallCause cause, Cycles tlb_wait = {});

    // Queues beside the ROB.
    void leave_load_queue(Cycles cycle) { m_load_queue.push(cycle); }
    void leave_store_queue(Cycles cycle) { m_store_queue.push(cycle); }

    /// `count` micro-ops as one, with the bandwidth of many: they follow the register's value and take `work`
    /// cycles after it.
    void run_chain(std::uint32_t count, RegisterId chain, Cycles work);

    /// Nothing commits before `cycle`.
    void resume_at(Cycles cycle);
    void set_mode(Mode mode) { m_stack = &m_stats.cpi_stack[static_cast<std::size_t>(mode)]; }
    /// Charges cycles without a commit.
    void charge(StallCause cause, Cycles cycles) {
        (*m_stack)[static_cast<std::size_t>(cause)] += cycles.value();
    }
    /// The cycle of the last commit.
    [[nodiscard]] Cycles cycle() const { return m_commit_cycle; }

private:
    void dispatch_at(Cycles cycle) {
        m_dispatch_cycle = cycle;
        m_dispatch_left = m_dispatch_width;
    }
    template <Queue queue>
    [[nodiscard]] Cycles dispatch_needing(RegisterFiles::Need need);
    void wait_for_scheduler();
    void charge_gap(Cycles stall, StallCause cause, Cycles tlb_wait);

    std::uint32_t m_dispatch_width, m_commit_width, m_scheduler_entries;
    std::uint32_t m_dispatch_left = 0;
    std::uint32_t m_commit_left = 0;
    StallCause m_fetch_cause = StallCause::ICache;
    StallCause m_dispatch_cause = StallCause::Base; ///< Base: not delayed by front end or store queue
    Cycles m_fetch_cycle{};
    Cycles m_dispatch_cycle{};
    Cycles m_commit_cycle{};
    CoreStats::CpiStack* m_stack;
    FreeCycles m_rob;
    FreeCycles m_load_queue;
    FreeCycles m_store_queue;
    RegisterFiles m_registers;
    RegisterFiles::Need m_need; ///< of the micro-op between dispatch and commit
    IssueSchedule m_schedule;
    std::array<Cycles, 256> m_register_ready{};
    Cycles m_fetch_ahead; ///< cycles of dispatch that the fetch buffer holds
    CeilDivider m_fetch_cycles, m_dispatch_cycles, m_commit_cycles;
    CoreStats& m_stats;
};

// When the micro-op is dispatched: front end, ROB, registers, scheduler and dispatch width allow it.
template <Pipeline::Queue queue>
inline Cycles Pipeline::dispatch(const MicroOp& uop) {
    return dispatch_needing<queue>(m_registers.rename(uop));
}

template <Pipeline::Queue queue>
inline Cycles Pipeline::dispatch_needing(RegisterFiles::Need need) {
    m_need = need;
    Cycles cycle = std::max(m_dispatch_cycle + Cycles(m_dispatch_left == 0 ? 1 : 0), m_rob.oldest());
    cycle = std::max(cycle, m_registers.available(need));
    m_dispatch_cause = StallCause::Base;
    if (m_fetch_cycle > cycle) {
        cycle = m_fetch_cycle;
        m_dispatch_cause = m_fetch_cause;
    }
    if constexpr (queue == Queue::Load) cycle = std::max(cycle, m_load_queue.oldest());
    if constexpr (queue == Queue::Store)
        if (const Cycles free = m_store_queue.oldest(); free > cycle) {
            cycle = free;
            m_dispatch_cause = StallCause::StoreQueue;
        }
    if (cycle != m_dispatch_cycle) dispatch_at(cycle);
    if (m_schedule.waiting_at_most() >= m_scheduler_entries) [[unlikely]]
        wait_for_scheduler();
    --m_dispatch_left;
    return m_dispatch_cycle;
}

inline Cycles Pipeline::commit(Cycles complete, StallCause cause, Cycles tlb_wait) {
    const Cycles earliest = complete + Cycles(1);
    if (earliest > m_commit_cycle) {
        charge(StallCause::Base, Cycles(1));
        if (const Cycles stall = complete - m_commit_cycle; stall != Cycles()) {
            if (m_dispatch_cause == StallCause::Base && tlb_wait == Cycles()) [[likely]]
                charge(cause, stall);
            else
                charge_gap(stall, cause, tlb_wait);
        }
        m_commit_cycle = earliest;
        m_commit_left = m_commit_width - 1;
    } else if (m_commit_left == 0) {
        charge(StallCause::Base, Cycles(1));
        m_commit_cycle += Cycles(1);
        m_commit_left = m_commit_width - 1;
    } else {
        --m_commit_left;
    }
    m_rob.push(m_commit_cycle);
    m_registers.take(m_need, m_commit_cycle);
    return m_commit_cycle;
}

} // namespace pagewalk::models
