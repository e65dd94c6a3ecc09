#pragma once

#include "base/event_table.h"
#include "base/histogram.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "contract/page_table.h"
#include "contract/page_tables/page_table_formats.h"
#include "contract/table_replicas.h"
#include "models/cache/private_hierarchy.h"
#include "models/mmu/champsim_vmem.h"
#include "models/mmu/format_memory.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/nested/host_walker.h"
#include "models/mmu/tlb.h"
#include "models/mmu/tlb_miss_event.h"
#include "models/mmu/walk_cache.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace pagewalk::models {

struct WalkerStats {
    std::uint64_t walks = 0;
    std::uint64_t walk_cycles = 0;
    std::uint64_t walk_references = 0;
    std::uint64_t walker_wait_cycles = 0;
    std::uint64_t faults = 0;
    std::uint64_t dirty_updates = 0;
    std::array<std::uint64_t, hit_level_count> references_at{};
    std::uint64_t walks_ahead = 0;
    std::uint64_t walks_ahead_dropped = 0;
    std::uint64_t ahead_references = 0;
    std::uint64_t ahead_cycles = 0;

    void declare(StatGroup group) const;
};

struct WalkResult {
    TlbEntry entry; ///< `ready` is set after a fault too
    bool faulted = false;
    HitLevel leaf = HitLevel::L1; ///< where the last reference hit
};

/// The page walker of one core: walk slots and paging-structure caches. References are physical loads through
/// the data caches. A walk that finds no slot free waits for one; an access to a page whose walk is under way
/// finds that walk's entry in a TLB, with the time at which it is ready, and so starts none.
class PageWalker {
public:
    PageWalker(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
               PageTableMemory& tables);

    /// Pages lie where ChampSim would put them, and walks read what ChampSim's would.
    void imitate_champsim(ChampSimFrames& frames) {
        m_champsim.emplace(frames, m_config.levels, m_config.walk_cache);
    }

    [[nodiscard]] WalkResult walk(const TranslationContext& context, VirtAddr address, FaultAccess access,
                                  Cycles cycle);
    /// A walk that nobody waits for, to bring a translation before it is wanted. None where no slot is free
    /// at `cycle`, or where the page is not present: it raises no fault. Sets accessed bits as any walk does.
    [[nodiscard]] std::optional<TlbEntry> walk_ahead(const TranslationContext& context, VirtAddr address,
                                                     Cycles cycle);
    /// Fetches the entries of the last `levels` levels of radix tables that a walk for the address reads, all
    /// at `cycle`; nobody waits for them. Returns how many there are.
    unsigned prefetch_entries(const TranslationContext& context, VirtAddr address, unsigned levels,
                              Cycles cycle);
    /// What the page tables hold for the address, without a reference: for what hardware sees in a line that
    /// it has read already. None where the page is not present.
    [[nodiscard]] std::optional<TlbEntry> peek(const TranslationContext& context, VirtAddr address);

    void invalidate(const TlbInvalidation& invalidation) {
        m_walk_cache.invalidate(invalidation);
        if (m_formats != nullptr) [[unlikely]]
            m_format_memory.invalidate(invalidation);
    }
    /// Programs' tables may be of another format than radix. They outlive the walker.
    void use_formats(const PageTableFormats& formats) { m_formats = &formats; }
    /// Each frame that a walk reads or finds is a guest's: walks have two dimensions. The tables outlive the
    /// walker.
    void use_host(HostTables& tables) { m_host = std::make_unique<HostWalker>(m_config, tables); }
    /// Tables have copies on other nodes: the walker reads those of its CPU's node. They outlive the walker.
    void use_replicas(const TableReplicas& replicas, NodeId node) {
        m_replicas = &replicas;
        m_node = node;
    }

    [[nodiscard]] const WalkerStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;
    using Events = EventLogs<TlbMissEvent>;
    [[nodiscard]] Events& events() { return m_events; }

private:
    /// What a walk has read so far.
    struct Progress {
        Cycles now{};
        unsigned references = 0;
        std::array<std::uint8_t, FormatWalk::most> hit{}; ///< HitLevel of each reference
    };
    /// The walk itself, in both dimensions where there are two.
    [[nodiscard]] WalkResult translate(const TranslationContext& context, VirtAddr address,
                                       FaultAccess access, Progress& progress);
    [[nodiscard]] WalkResult read_tables(const TranslationContext& context, VirtAddr address,
                                         FaultAccess access, Progress& progress);
    [[nodiscard]] WalkResult read_format(PageTableFormat& table, const TranslationContext& context,
                                         VirtAddr address, FaultAccess access, Progress& progress);
    void read_references(const FormatWalk& walk, Progress& progress);
    void read_as_champsim(const TranslationContext& context, VirtAddr address, Progress& progress);
    /// The format of the table that the address is looked up in; null for radix.
    [[nodiscard]] PageTableFormat* format_of(const TranslationContext& context, VirtAddr address) const {
        if (m_formats == nullptr) [[likely]]
            return nullptr;
        return is_upper_half(address) ? nullptr : m_formats->of(context.root);
    }
    /// Where the table's entries lie for this CPU.
    [[nodiscard]] Pfn place_of(Pfn table) const {
        if (m_replicas == nullptr) [[likely]]
            return table;
        return m_replicas->on(m_node, table);
    }
    void read_entry(PhysAddr where, Progress& progress);
    void read_line(PhysAddr where, Progress& progress);
    void read_host(PhysAddr guest, Progress& progress);
    void finish_nested(VirtAddr address, WalkResult& result, Progress& progress);
    /// A TLB's page is no larger than the host's.
    void narrow(VirtAddr address, TlbEntry& entry) const;
    [[nodiscard]] std::optional<TlbEntry> peek_tables(const TranslationContext& context, VirtAddr address);
    [[nodiscard]] WalkCache::Start begin(const TranslationContext& context, VirtAddr address);
    void note_slots(Cycles cycle);

    const MmuConfig& m_config;
    CpuId m_cpu;
    const Clock& m_clock;
    PrivateHierarchy& m_hierarchy;
    PageTableMemory& m_tables;
    WalkCache m_walk_cache;
    const PageTableFormats* m_formats = nullptr; ///< null: radix alone
    const TableReplicas* m_replicas = nullptr;   ///< null: each table lies at one place
    NodeId m_node{};                             ///< whose copies are read
    std::unique_ptr<HostWalker> m_host;          ///< null: the machine is not virtual
    FormatMemory m_format_memory;
    std::optional<ChampSimVmem> m_champsim;
    std::vector<Cycles> m_slot_free; ///< cycle from which each walk slot is idle
    WalkerStats m_stats;
    Histogram m_latency;
    Histogram m_levels;
    Histogram m_slots_busy;
    std::array<Histogram, hit_level_count> m_latency_by_leaf;
    Events m_events;
};

} // namespace pagewalk::models
