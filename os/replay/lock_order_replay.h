#pragma once

#include "os/page/page_events.h"
#include "os/replay/page_trace.h"
#include "os/replay/replay_state.h"

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// Replays captures in which CPUs or interrupts interleave: every operation under a zone's lock runs where
/// its first event inside the lock is. The trace says when an operation ran; which frames, how many, on which
/// list and from which fallback is the allocator's to predict, and all of it is checked.
class LockOrderReplay : private PageEvents {
public:
    explicit LockOrderReplay(ReplayState& state, std::size_t cpus);
    ~LockOrderReplay() override;

    void run(const std::vector<PageTraceEvent>& events);

private:
    struct Refill {
        Zone* zone = nullptr;
        unsigned order = 0;
        Migratetype type = Migratetype::Unmovable;
        AllocFlags flags;
        bool in_interrupt = false;
    };
    struct Drain {
        Zone* zone = nullptr;
        CpuId owner{};
        std::int64_t count = 0;
        std::size_t list = 0;
    };
    struct DirectFree {
        Zone* zone = nullptr;
        std::uint32_t frame = 0;
        unsigned order = 0;
    };
    struct Block {
        std::uint32_t frame = 0;
        unsigned order = 0;
        Migratetype type = Migratetype::Unmovable;
    };
    struct Fallback {
        std::uint32_t frame = 0;
        unsigned order = 0, fallback_order = 0;
        Migratetype wanted = Migratetype::Unmovable, fallback = Migratetype::Unmovable;
        bool claimed = false;
    };
    /// What one CPU is in the middle of.
    struct Cpu {
        std::optional<Refill> refill; ///< announced, not yet under the lock
        std::optional<Drain> drain;
        std::optional<Drain> expected_drain; ///< the model's own decision to drain
        std::deque<std::uint32_t> refilled;  ///< predicted, to be seen as zone_locked
        std::deque<Block> drained;           ///< predicted, to be seen as pcpu_drain
        std::deque<DirectFree> frees;        ///< waiting for the zone lock
        std::unordered_map<std::uint32_t, unsigned>
            direct; ///< taken from the free lists for a request: frame, order
        std::optional<CpuId> drain_owner;
        std::optional<Pfn> reserving; ///< highatomic pageblock change under way
        Pfn last_allocated = no_pfn;
        bool in_interrupt = false;
    };

    void zone_locked(Pfn frame, unsigned order, Migratetype type) override;
    void pcpu_drain(Pfn frame, unsigned order, Migratetype type) override;
    void extfrag(Pfn frame, unsigned alloc_order, unsigned fallback_order, Migratetype wanted,
                 Migratetype fallback, bool change_ownership) override;

    void probe_zone(const PageTraceEvent& event, Cpu& cpu);
    void probe_page(const PageTraceEvent& event, Cpu& cpu);
    void mark(const PageTraceEvent& event);
    void seen_extfrag(const PageTraceEvent& event, Cpu& cpu);
    void seen_zone_locked(const PageTraceEvent& event, Cpu& cpu);
    void seen_drain(const PageTraceEvent& event, Cpu& cpu);
    void allocate(const PageTraceEvent& event, Cpu& cpu, bool bulk);
    void free(const PageTraceEvent& event, Cpu& cpu, AfterFree after);
    void commit(const PageTraceEvent& event, Cpu& cpu);
    void finish_frees(const PageTraceEvent& event, Cpu& cpu);
    void run_refill(Cpu& cpu, CpuId id);
    void resynchronise(const PageTraceEvent& event);
    /// For each event in an interrupt, the allocation that the interrupted task reports next.
    [[nodiscard]] std::vector<std::size_t>
    interrupted_allocations(const std::vector<PageTraceEvent>& events) const;
    [[nodiscard]] bool is_list_head(const PageTraceEvent& event);

    ReplayState& m_state;
    PageAllocator& m_allocator;
    std::vector<Cpu> m_cpus;
    Cpu* m_running = nullptr;
    std::deque<Fallback> m_fallbacks;
    std::map<std::pair<unsigned, unsigned>, std::vector<Pfn>> m_dump; ///< by order and type
};

} // namespace pagewalk::os
