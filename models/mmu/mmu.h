#pragma once

#include "base/event_table.h"
#include "base/histogram.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "contract/page_table.h"
#include "models/cache/private_hierarchy.h"
#include "models/mmu/champsim_vmem.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/tlb.h"
#include "models/mmu/tlb_miss_event.h"
#include "models/mmu/walk_cache.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::models {

struct MmuStats {
    std::uint64_t itlb_misses = 0;
    std::uint64_t dtlb_misses = 0;
    std::uint64_t l2_tlb_hits = 0;
    std::uint64_t l2_tlb_misses = 0;
    std::uint64_t l2_tlb_data_misses = 0;
    std::uint64_t walks = 0;
    std::uint64_t walk_cycles = 0;
    std::uint64_t walk_references = 0;
    std::uint64_t walker_wait_cycles = 0;
    std::uint64_t faults = 0;
    std::uint64_t dirty_updates = 0;
    std::array<std::uint64_t, hit_level_count> references_at{};

    void declare(StatGroup group) const;
};

/// Outcome of a translation. `ready` is the core cycle at which the physical address is known.
struct Translation {
    static constexpr PhysAddr no_address{~0ULL};
    PhysAddr address = no_address;
    Cycles ready{};

    [[nodiscard]] bool faulted() const { return address == no_address; }
};

/// The MMU of one core: TLBs, paging-structure caches and page walkers. Walk references are physical loads
/// through the core's data caches.
class Mmu {
public:
    Mmu(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
        PageTableMemory& tables);

    /// Pages lie where ChampSim would put them, and walks read what ChampSim's would.
    void imitate_champsim(ChampSimFrames& frames) {
        m_champsim.emplace(frames, m_config.levels, m_config.walk_cache);
    }

    void set_context(const TranslationContext& context) {
        m_context = context;
        m_last_fetch_page = no_page;
    }
    [[nodiscard]] const TranslationContext& context() const { return m_context; }

    [[nodiscard]] Translation translate_load(VirtAddr address, Cycles cycle) {
        if (const TlbEntry* entry = m_l1d_4k.recent({address, PageSize::Page4K, m_context.pcid})) [[likely]] {
            m_l1d_4k.count_hit();
            return hit<PageSize::Page4K>(*entry, address, cycle);
        }
        return translate_data_slow(address, FaultAccess::Read, cycle);
    }
    [[nodiscard]] Translation translate_store(VirtAddr address, Cycles cycle) {
        if (const TlbEntry* entry = m_l1d_4k.recent({address, PageSize::Page4K, m_context.pcid});
            entry != nullptr && entry->dirty) [[likely]] {
            m_l1d_4k.count_hit();
            return hit<PageSize::Page4K>(*entry, address, cycle);
        }
        return translate_data_slow(address, FaultAccess::Write, cycle);
    }
    /// As the above, for kernel memory: most of it is mapped by large pages, which are looked up first.
    [[nodiscard]] Translation translate_kernel_load(VirtAddr address, Cycles cycle) {
        if (const TlbEntry* entry = recent_large<PageSize::Page1G>(l1d_1g(), address)) [[likely]]
            return hit<PageSize::Page1G>(*entry, address, cycle);
        if (const TlbEntry* entry = recent_large<PageSize::Page2M>(m_l1d_2m, address)) [[likely]]
            return hit<PageSize::Page2M>(*entry, address, cycle);
        return translate_load(address, cycle);
    }
    [[nodiscard]] Translation translate_kernel_store(VirtAddr address, Cycles cycle) {
        if (const TlbEntry* entry = recent_large<PageSize::Page1G>(l1d_1g(), address, NeedsDirty::Yes))
            [[likely]]
            return hit<PageSize::Page1G>(*entry, address, cycle);
        if (const TlbEntry* entry = recent_large<PageSize::Page2M>(m_l1d_2m, address, NeedsDirty::Yes))
            [[likely]]
            return hit<PageSize::Page2M>(*entry, address, cycle);
        return translate_store(address, cycle);
    }
    [[nodiscard]] Translation translate_fetch(VirtAddr address, Cycles cycle) {
        // Sequential fetch stays in a page: no look-up is repeated for it.
        if (address.page() == m_last_fetch_page) [[likely]]
            return {m_last_fetch_frame + address.page_offset(), cycle};
        return translate_fetch_slow(address, cycle);
    }

    /// Where an instruction lies in the page of the last fetch.
    [[nodiscard]] PhysAddr fetched(VirtAddr address) const {
        return m_last_fetch_frame + address.page_offset();
    }

    /// Drops translations at once; the cost is the kernel path's.
    std::uint64_t invalidate(const TlbInvalidation& invalidation);

    [[nodiscard]] const MmuStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;
    using Events = EventLogs<TlbMissEvent>;
    [[nodiscard]] Events& events() { return m_events; }

private:
    static constexpr VirtAddr no_page{~0ULL};

    enum class NeedsDirty : bool { No, Yes };

    template <PageSize size>
    [[nodiscard]] Translation hit(const TlbEntry& entry, VirtAddr address, Cycles cycle) const {
        const std::uint64_t offset = address.value() & ((1ULL << shift_of(size)) - 1);
        const Cycles start = cycle + m_config.l1_latency;
        return {PhysAddr((entry.frame << page_shift) + offset), start > entry.ready ? start : entry.ready};
    }
    [[nodiscard]] Translation hit(const TlbEntry& entry, VirtAddr address, Cycles cycle) const;
    /// The most recent entry of its set in a first-level TLB, counted, where that serves the access.
    template <PageSize size>
    [[nodiscard]] const TlbEntry* recent_large(Tlb& tlb, VirtAddr address,
                                               NeedsDirty needs_dirty = NeedsDirty::No) {
        const TlbEntry* const entry = tlb.recent({address, size, m_context.pcid});
        if (entry == nullptr || (needs_dirty == NeedsDirty::Yes && !entry->dirty)) return nullptr;
        tlb.count_hit();
        return entry;
    }
    /// Where the first level keeps its 1 GiB pages.
    [[nodiscard]] Tlb& l1d_1g() { return m_l1d_1g.present() ? m_l1d_1g : m_l1d_2m; }
    [[nodiscard]] Translation translate_data_slow(VirtAddr address, FaultAccess access, Cycles cycle);
    [[nodiscard]] Translation translate_fetch_slow(VirtAddr address, Cycles cycle);
    /// Second-level TLBs, then a walk. Null when the walk faults; `ready` is set either way.
    [[nodiscard]] TlbEntry* find_second_level(VirtAddr address);
    struct WalkResult {
        TlbEntry entry;
        bool faulted = false;
    };
    [[nodiscard]] WalkResult walk(VirtAddr address, FaultAccess access, Cycles cycle);
    /// What a walk has read so far.
    struct WalkProgress {
        Cycles now{};
        unsigned references = 0;
        TlbMissEvent event;
    };
    void read_entry(PhysAddr where, WalkProgress& progress);
    void fill_l1_data(VirtAddr address, const TlbEntry& entry);

    MmuConfig m_config;
    CpuId m_cpu;
    const Clock& m_clock;
    PrivateHierarchy& m_hierarchy;
    PageTableMemory& m_tables;
    TranslationContext m_context;
    VirtAddr m_last_fetch_page = no_page;
    PhysAddr m_last_fetch_frame{};
    Tlb m_l1i_4k, m_l1i_2m, m_l1d_4k, m_l1d_2m, m_l1d_1g, m_l2, m_l2_1g;
    WalkCache m_walk_cache;
    std::optional<ChampSimVmem> m_champsim;
    std::vector<Cycles> m_walker_free; ///< cycle from which each walker is idle
    MmuStats m_stats;
    Histogram m_walk_latency;
    Histogram m_walk_levels;
    Events m_events;
};

} // namespace pagewalk::models
