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
        for (std::uint32_t to_end = left_to_end(); times >= to_end; to_end = left_to_end()) {
            fill(m_oldest, to_end, cycle);
            m_oldest = m_cycles.data();
            times -= to_end;
        }
        fill(m_oldest, times, cycle);
        m_oldest += times;
    }

private:
    [[nodiscard]] std::uint32_t left_to_end() const { return static_cast<std::uint32_t>(m_end - m_oldest); }
    static void fill(Cycles* first, std::uint32_t count, Cycles cycle) {
        using Four [[gnu::vector_size(32)]] = std::uint64_t;
        const Four four = Four{} + cycle.value();
        if (count < 4) {
            for (; count != 0; --count) *first++ = cycle;
            return;
        }
        // The last four overlap those before.
        Cycles* const last = first + count - 4;
        for (; first < last; first += 4) std::memcpy(static_cast<void*>(first), &four, sizeof four);
        std::memcpy(static_cast<void*>(last), &four, sizeof four);
    }

    std::vector<Cycles> m_cycles;
    Cycles* m_oldest;
    Cycles* m_end;
};

/// The window of an out-of-order core by timestamps: when each micro-op is dispatched, issued and committed,
/// from the occupancy of dispatch, ROB, registers, scheduler, load and store queues, ports, and its operands.
///
/// Charges every dispatch slot that stays empty to what kept the next micro-op from it: the front end, a full
/// store queue, or, where the window is full, what the commit that frees it waited for. Method: Yasin, "A
/// top-down method for performance analysis and counters architecture", ISPASS 2014, with one level of
/// causes.
class Pipeline {
public:
    /// The queue that a micro-op takes an entry of, beside the ROB.
    enum class Queue : std::uint8_t { None, Load, Store };
    /// Stores have no results.
    enum class Results : bool { None, Possible };

    explicit Pipeline(const CoreConfig& config);
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
        m_fetch_held_until = cycle;
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
    /// In-order commit. What waits for it waits for `cause`, and for the TLB where that took `tlb_wait` of
    /// the time. Returns its cycle. `results`: whether dispatch() took registers.
    template <Results results = Results::Possible>
    Cycles commit(Cycles complete, StallCause cause, Cycles tlb_wait = {});

    // Queues beside the ROB.
    void leave_load_queue(Cycles cycle) { m_load_queue.push(cycle); }
    void leave_store_queue(Cycles cycle) { m_store_queue.push(cycle); }

    /// `count` micro-ops as one, with the bandwidth of many: they follow the register's value and take `work`
    /// cycles after it.
    void run_chain(std::uint32_t count, RegisterId chain, Cycles work);

    /// Nothing commits before `cycle`: the wait from the last commit on is charged to `cause`.
    void wait_until(Cycles cycle, StallCause cause);
    /// The same, charged to nothing.
    void idle_until(Cycles cycle);
    /// From now on slots are charged to this mode. Contract: after settle().
    void set_mode(Mode mode) { m_stack = &m_empty_slots[static_cast<std::size_t>(mode)]; }
    /// All slots up to the last commit are charged.
    void settle();
    /// The cycles charged to each cause but Base, of what has been settled.
    [[nodiscard]] CoreStats::CpiStack charged(Mode mode) const;
    /// The cycle of the last commit.
    [[nodiscard]] Cycles cycle() const { return m_commit_cycle; }

private:
    static constexpr std::size_t remembered_commits = 1 << 11; ///< cycles
    static constexpr unsigned whole_share = 128;

    /// What a commit waited for.
    struct Wait {
        static constexpr std::uint16_t longest = 0xffff;

        StallCause cause = StallCause::Dependency;
        std::uint8_t tlb_share = 0; ///< of whole_share
        std::uint16_t gap = 1;      ///< cycles since the commit before, or the longest that can be told
    };
    static_assert(remembered_commits <= Wait::longest && sizeof(Wait) == 4);

    void dispatch_at(Cycles cycle) {
        m_dispatch_cycle = cycle;
        m_dispatch_left = m_dispatch_width;
    }
    /// Charges the slots from the last dispatch to `cycle`. The window was full until `window` because of
    /// `wait`; then the next micro-op waited for fetch, or else for `other`.
    void charge_empty_slots(Cycles cycle, Cycles window, Wait wait, StallCause other);
    void charge_fetch(Cycles from, std::uint64_t slots);
    /// Charges `slots` of (from, window], in which the window was full, to what each commit on the way to
    /// `window`, from the last one back, has waited for. `wait` is that of the last.
    void charge_window(Cycles from, Cycles window, Wait wait, std::uint64_t slots);
    void charge(Wait wait, std::uint64_t slots);
    void charge(StallCause cause, std::uint64_t slots) {
        (*m_stack)[static_cast<std::size_t>(cause)] += slots;
    }
    [[nodiscard]] Wait& commit_wait_at(Cycles cycle) {
        return m_commit_waits[cycle.value() & (remembered_commits - 1)];
    }
    template <Queue queue>
    [[nodiscard]] Cycles dispatch_after(Cycles window);
    void wait_for_scheduler();
    void resume_at(Cycles cycle);

    std::uint32_t m_dispatch_width, m_commit_width, m_scheduler_entries;
    std::uint32_t m_dispatch_left = 0;
    std::uint32_t m_commit_left = 0;
    StallCause m_fetch_cause = StallCause::ICache;
    Cycles m_fetch_held_until{}; ///< by m_fetch_cause; what comes later is the bandwidth of fetch
    Cycles m_fetch_cycle{};
    Cycles m_dispatch_cycle{};
    Cycles m_commit_cycle{};
    std::array<CoreStats::CpiStack, 2> m_empty_slots{}; ///< by mode and cause
    CoreStats::CpiStack* m_stack = &m_empty_slots[0];
    Cycles m_charged_until{};         ///< what is before is charged, whatever may be dispatched there yet
    Wait m_last_wait;                 ///< of the last commit that waited
    Wait m_far_wait;                  ///< of the last commit that waited for more than L1,
    Cycles m_far_until{};             ///< which was then
    std::vector<Wait> m_commit_waits; ///< by the commit's cycle
    FreeCycles m_rob;
    FreeCycles m_load_queue;
    FreeCycles m_store_queue;
    RegisterFiles m_registers;
    IssueSchedule m_schedule;
    std::array<Cycles, 256> m_register_ready{};
    Cycles m_fetch_ahead; ///< cycles of dispatch that the fetch buffer holds
    CeilDivider m_fetch_cycles, m_dispatch_cycles, m_commit_cycles;
};

// When the micro-op is dispatched: front end, ROB, registers, scheduler and dispatch width allow it.
template <Pipeline::Queue queue>
[[gnu::always_inline]] inline Cycles Pipeline::dispatch(const MicroOp& uop) {
    Cycles window = m_rob.oldest();
    if constexpr (queue != Queue::Store)
        if (!m_registers.reserve(uop)) [[unlikely]]
            window = std::max(window, m_registers.reserve_from(uop, m_dispatch_cycle));
    if constexpr (queue == Queue::Load) window = std::max(window, m_load_queue.oldest());
    return dispatch_after<queue>(window);
}

// The window has room from `window` on.
template <Pipeline::Queue queue>
[[gnu::always_inline]] inline Cycles Pipeline::dispatch_after(Cycles window) {
    Cycles cycle = std::max(m_dispatch_cycle + Cycles(m_dispatch_left == 0 ? 1 : 0), window);
    StallCause other = StallCause::Base;
    cycle = std::max(cycle, m_fetch_cycle);
    if constexpr (queue == Queue::Store)
        if (const Cycles free = m_store_queue.oldest(); free > cycle) {
            cycle = free;
            other = StallCause::StoreQueue;
        }
    if (cycle != m_dispatch_cycle) {
        if (m_dispatch_left != 0 || cycle != m_dispatch_cycle + Cycles(1))
            charge_empty_slots(cycle, window, commit_wait_at(window), other);
        dispatch_at(cycle);
    }
    if (m_schedule.waiting_at_most() >= m_scheduler_entries) [[unlikely]]
        wait_for_scheduler();
    --m_dispatch_left;
    return m_dispatch_cycle;
}

template <Pipeline::Results results>
[[gnu::always_inline]] inline Cycles Pipeline::commit(Cycles complete, StallCause cause, Cycles tlb_wait) {
    const Cycles earliest = complete + Cycles(1);
    if (earliest > m_commit_cycle) {
        const std::uint64_t gap = (earliest - m_commit_cycle).value();
        m_last_wait = {cause, 0, static_cast<std::uint16_t>(std::min<std::uint64_t>(gap, Wait::longest))};
        if (tlb_wait != Cycles()) [[unlikely]] {
            const std::uint64_t wait = std::max<std::uint64_t>(1, (complete - m_commit_cycle).value());
            m_last_wait.tlb_share = static_cast<std::uint8_t>(
                std::min<std::uint64_t>(whole_share, tlb_wait.value() * whole_share / wait));
        }
        if (cause > StallCause::L1 && cause < StallCause::Dtlb) [[unlikely]] {
            m_far_wait = m_last_wait;
            m_far_until = earliest;
        }
        m_commit_cycle = earliest;
        commit_wait_at(earliest) = m_last_wait;
        m_commit_left = m_commit_width - 1;
    } else if (m_commit_left == 0) {
        m_commit_cycle += Cycles(1);
        m_last_wait.gap = 1;
        commit_wait_at(m_commit_cycle) = m_last_wait;
        m_commit_left = m_commit_width - 1;
    } else {
        --m_commit_left;
    }
    m_rob.push(m_commit_cycle);
    if constexpr (results == Results::Possible) m_registers.commit(m_commit_cycle);
    return m_commit_cycle;
}

} // namespace pagewalk::models
