#pragma once

#include "base/time.h"
#include "contract/kernel_interface.h"
#include "contract/page_table.h"
#include "models/cache/private_hierarchy.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/page_walker.h"
#include "models/mmu/tlb.h"
#include "models/mmu/tlb_hierarchy.h"
#include "models/mmu/translation_design.h"

#include <cstdint>
#include <memory>

namespace pagewalk::models {

struct MmuStats {
    std::uint64_t itlb_misses = 0;
    std::uint64_t dtlb_misses = 0;
    std::uint64_t l2_tlb_hits = 0;
    std::uint64_t l2_tlb_misses = 0;
    std::uint64_t l2_tlb_data_misses = 0;

    void declare(StatGroup group) const;
};

/// What a translation design was asked for and had.
struct DesignStats {
    std::uint64_t look_ups = 0;
    std::uint64_t hits = 0;

    void declare(StatGroup group) const;
};

/// Outcome of a translation. `ready` is the core cycle at which the physical address is known.
struct Translation {
    static constexpr PhysAddr no_address{~0ULL};
    PhysAddr address = no_address;
    Cycles ready{};

    [[nodiscard]] bool faulted() const { return address == no_address; }
};

/// The MMU of one core: TLBs, a page walker, and where one is chosen a translation design between them, which
/// is asked past a second-level TLB's miss alone.
class Mmu {
public:
    Mmu(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
        PageTableMemory& tables);

    /// As the walker's.
    void imitate_champsim(ChampSimFrames& frames) { m_walker.imitate_champsim(frames); }
    /// Whether an access that faults goes on as if its walk had waited for the kernel: no exception.
    [[nodiscard]] bool faults_in_walks() const { return m_config.first_touch != Cycles(); }

    void set_context(const TranslationContext& context) {
        m_context = context;
        m_last_fetch_page = no_page;
    }
    [[nodiscard]] const TranslationContext& context() const { return m_context; }

    /// `pc`: the instruction, for designs and policies that learn by it.
    [[nodiscard]] Translation translate_load(VirtAddr address, Cycles cycle, VirtAddr pc = {}) {
        if (const TlbEntry* entry = m_tlbs.l1d_4k.recent({address, PageSize::Page4K, m_context.pcid}))
            [[likely]] {
            m_tlbs.l1d_4k.count_hit();
            return hit<PageSize::Page4K>(*entry, address, cycle);
        }
        return translate_data_slow(address, FaultAccess::Read, cycle, pc);
    }
    [[nodiscard]] Translation translate_store(VirtAddr address, Cycles cycle, VirtAddr pc = {}) {
        if (const TlbEntry* entry = m_tlbs.l1d_4k.recent({address, PageSize::Page4K, m_context.pcid});
            entry != nullptr && entry->dirty) [[likely]] {
            m_tlbs.l1d_4k.count_hit();
            return hit<PageSize::Page4K>(*entry, address, cycle);
        }
        return translate_data_slow(address, FaultAccess::Write, cycle, pc);
    }
    /// As the above, for kernel memory: most of it is mapped by large pages, which are looked up first.
    [[nodiscard]] Translation translate_kernel_load(VirtAddr address, Cycles cycle, VirtAddr pc = {}) {
        if (const TlbEntry* entry = recent_large<PageSize::Page1G>(m_tlbs.l1d_1g(), address)) [[likely]]
            return hit<PageSize::Page1G>(*entry, address, cycle);
        if (const TlbEntry* entry = recent_large<PageSize::Page2M>(m_tlbs.l1d_2m, address)) [[likely]]
            return hit<PageSize::Page2M>(*entry, address, cycle);
        return translate_load(address, cycle, pc);
    }
    [[nodiscard]] Translation translate_kernel_store(VirtAddr address, Cycles cycle, VirtAddr pc = {}) {
        if (const TlbEntry* entry = recent_large<PageSize::Page1G>(m_tlbs.l1d_1g(), address, NeedsDirty::Yes))
            [[likely]]
            return hit<PageSize::Page1G>(*entry, address, cycle);
        if (const TlbEntry* entry = recent_large<PageSize::Page2M>(m_tlbs.l1d_2m, address, NeedsDirty::Yes))
            [[likely]]
            return hit<PageSize::Page2M>(*entry, address, cycle);
        return translate_store(address, cycle, pc);
    }
    [[nodiscard]] Translation translate_fetch(VirtAddr address, Cycles cycle) {
        // Sequential fetch stays in a page: no look-up is repeated for it.
        if (address.page() == m_last_fetch_page) [[likely]]
            return {m_last_fetch_frame + address.page_offset(), cycle};
        return translate_fetch_slow(address, cycle);
    }

    /// Whether it lies in the page of the last fetch, whose translation is known without a look-up.
    [[nodiscard]] bool in_fetched_page(VirtAddr address) const { return address.page() == m_last_fetch_page; }
    /// Where an instruction lies in the page of the last fetch.
    [[nodiscard]] PhysAddr fetched(VirtAddr address) const {
        return m_last_fetch_frame + address.page_offset();
    }

    /// Drops translations at once; the cost is the kernel path's.
    std::uint64_t invalidate(const TlbInvalidation& invalidation);

    [[nodiscard]] const MmuStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;
    [[nodiscard]] const PageWalker& walker() const { return m_walker; }
    void use_formats(const PageTableFormats& formats) { m_walker.use_formats(formats); }
    /// The machine is virtual: its memory is a guest's. The host's tables outlive the MMU.
    void use_host(HostTables& tables) { m_walker.use_host(tables); }
    void use_replicas(const TableReplicas& replicas, NodeId node) { m_walker.use_replicas(replicas, node); }
    [[nodiscard]] const DesignStats& design_stats() const { return m_design_stats; }
    using Events = PageWalker::Events;
    [[nodiscard]] Events& events() { return m_walker.events(); }

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
    [[nodiscard]] Translation translate_data_slow(VirtAddr address, FaultAccess access, Cycles cycle,
                                                  VirtAddr pc);
    [[nodiscard]] Translation translate_fetch_slow(VirtAddr address, Cycles cycle);
    /// Whether every TLB has been looked up in vain, or has the page but not for this access.
    enum class Missed : bool { Rights, All };
    /// Past the TLBs: by the design where there is one, else by a walk.
    [[nodiscard]] WalkResult walk(VirtAddr address, FaultAccess access, Cycles cycle, VirtAddr pc,
                                  Missed missed);
    [[nodiscard]] WalkResult walk_by_design(const TlbMiss& miss, Missed missed);
    void fill_by_design(const TlbMiss& miss, const TlbEntry& entry);

    MmuConfig m_config;
    TranslationContext m_context;
    VirtAddr m_last_fetch_page = no_page;
    PhysAddr m_last_fetch_frame{};
    TlbHierarchy m_tlbs;
    PageWalker m_walker;
    std::unique_ptr<TranslationDesign> m_design; ///< null: walks alone
    MmuStats m_stats;
    DesignStats m_design_stats;
};

} // namespace pagewalk::models
