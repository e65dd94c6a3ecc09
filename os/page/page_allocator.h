#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/alloc_flags.h"
#include "os/page/alloc_trace.h"
#include "os/page/buddy.h"
#include "os/page/gfp.h"
#include "os/page/memory_map.h"
#include "os/page/page_events.h"
#include "os/page/page_map.h"
#include "os/page/reclaimer.h"
#include "os/page/zone.h"
#include "os/page/zonelist.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What of the requesting context matters to the allocator; bits can be combined.
enum class TaskContext : std::uint8_t {
    None = 0,
    Memalloc = 1,  ///< PF_MEMALLOC: frees memory itself, may use all reserves
    Interrupt = 2, ///< hard interrupt: no task context counts
    SoftIrq = 4,   ///< bottom half
    OomVictim = 8, ///< killed by the OOM killer
    Realtime = 16, ///< real-time scheduling policy
    NoIo = 32,     ///< PF_MEMALLOC_NOIO
    NoFs = 64,     ///< PF_MEMALLOC_NOFS
    Pin = 128,     ///< PF_MEMALLOC_PIN: nothing movable
};
[[nodiscard]] constexpr TaskContext operator|(TaskContext a, TaskContext b) {
    return static_cast<TaskContext>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(TaskContext set, TaskContext bit) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(bit)) != 0;
}

struct AllocRequest {
    GfpMask mask;
    unsigned order = 0;
    CpuId cpu{};
    NodeId preferred{};               ///< tried first
    const NodeMask* nodes = nullptr;  ///< memory policy's nodes; null = any
    const NodeMask* cpuset = nullptr; ///< nodes the task's cpuset allows; null = cpusets not in use
    TaskContext context = TaskContext::None;
};

enum class AllocError : std::uint8_t {
    NoMemory,      ///< the kernel would return null
    OrderTooLarge, ///< order >= max_order: refused with a warning
    BadMask,       ///< contradictory zone or mobility bits
    Livelock,      ///< __GFP_NOFAIL and nothing left to try: the kernel would retry for ever
};
[[nodiscard]] std::string_view name_of(AllocError error);

/// Why a free was refused; the kernel reports "Bad page state" and leaks the frame.
enum class BadPage : std::uint8_t {
    OutsideMemory,
    Reserved,
    AlreadyFree,  ///< double free, on a free list or a per-CPU list
    NotAllocated, ///< inside a block, not its first frame, or never handed out
    WrongOrder,
    Mapped, ///< mapcount is not zero
};
[[nodiscard]] std::string_view name_of(BadPage reason);

/// vm.zone_reclaim_mode: reclaim nearby before a request goes to nodes far away?
enum class ZoneReclaim : std::uint8_t { Off, On };

/// Kernel settings the allocator reads.
struct PageSettings {
    std::uint64_t watermark_boost_factor =
        15000;                                 ///< vm.watermark_boost_factor, 1/10000 of the high watermark
    std::uint64_t watermark_scale_factor = 10; ///< vm.watermark_scale_factor, 1/10000 of managed pages
    std::int64_t min_free_kbytes = -1;         ///< vm.min_free_kbytes; -1 = computed from memory
    std::uint64_t percpu_pagelist_high_fraction = 0;
    ZoneReclaim zone_reclaim = ZoneReclaim::Off;
    bool group_by_mobility = true; ///< page_group_by_mobility_disabled = 0
    std::array<std::uint64_t, zone_type_count> lowmem_reserve_ratio{256, 256, 32, 0, 0, 0};
};

/// The zones and nodes an allocator is built over.
struct AllocatorLayout {
    ZoneLayout layout = ZoneLayout::X86_64;
    std::vector<ZoneRange> zones;                 ///< node by node, lowest first
    std::vector<std::vector<unsigned>> distances; ///< nodes x nodes
    IndexedVec<CpuId, NodeId> cpus;
    unsigned pageblock_order = 9;
};

/// The page allocator of Linux 6.1.192 (x86-64, Debian's configuration): zonelists, watermarks, per-CPU
/// lists, buddy system, reserves and slow path. One call is one kernel call: it takes effect at once. A newly
/// built allocator has every frame reserved; boot (boot.h) or a snapshot fills it.
class PageAllocator {
public:
    explicit PageAllocator(const AllocatorLayout& layout, const PageSettings& settings = {});
    PageAllocator(const PageAllocator&) = delete;
    PageAllocator& operator=(const PageAllocator&) = delete;

    /// alloc_pages: first frame of a block of 2^order frames.
    [[nodiscard]] std::expected<Pfn, AllocError> allocate(const AllocRequest& request,
                                                          AllocTrace* trace = nullptr);

    /// alloc_pages_bulk: fills `frames` with single frames, as many as one zone's per-CPU list gives without
    /// going below its watermark, at least one where there is any. Returns how many.
    [[nodiscard]] std::size_t allocate_bulk(const AllocRequest& request, std::span<Pfn> frames,
                                            AllocTrace* trace = nullptr);

    /// alloc_pages_exact: `pages` frames in a row; the rest of the block is freed again. request.order is
    /// ignored.
    [[nodiscard]] std::expected<Pfn, AllocError> allocate_exact(AllocRequest request, std::uint64_t pages,
                                                                AllocTrace* trace = nullptr);

    /// __free_pages of a block with no further references.
    [[nodiscard]] std::expected<void, BadPage> free(Pfn frame, unsigned order, CpuId cpu,
                                                    AllocTrace* trace = nullptr);
    /// free_unref_page_list: single frames, in list order. Frames that cannot be freed are skipped and
    /// counted.
    std::size_t free_list(std::span<const Pfn> frames, CpuId cpu, AllocTrace* trace = nullptr);
    /// free_pages_exact, free_contig_range: single frames one after the other.
    [[nodiscard]] std::expected<void, BadPage> free_range(Pfn first, std::uint64_t pages, CpuId cpu,
                                                          AllocTrace* trace = nullptr);
    /// split_page: the block becomes 2^order single frames that are freed one by one.
    void split(Pfn frame, unsigned order);

    /// Hands memory to the allocator that it has not managed before (boot, init memory).
    void release(Pfn frame, unsigned order, CpuId cpu);
    /// free_reserved_page: a reserved frame becomes managed memory, by way of the per-CPU lists.
    void release_reserved(Pfn frame, CpuId cpu);

    /// drain_all_pages: empties every per-CPU list, of one zone or of all. `by` is the CPU that does it.
    void drain_all(CpuId by, Zone* only = nullptr, AllocTrace* trace = nullptr);
    void drain_cpu(Zone& zone, CpuId owner, CpuId by, AllocTrace* trace = nullptr);
    /// The statistics worker's round on `cpu`: folds the counters; idle lists of remote nodes are drained.
    void refresh_statistics(CpuId cpu);

    /// Steps of the allocation and free paths, for compaction and replay.
    /// Fills a per-CPU list from the free lists. Returns the blocks moved.
    std::int64_t refill(Zone& zone, CpuId cpu, unsigned order, Migratetype type, AllocFlags flags,
                        AllocTrace* trace = nullptr);
    /// Takes the head of a per-CPU list, or Buddy::none.
    [[nodiscard]] std::uint32_t pop(Zone& zone, CpuId cpu, unsigned order, Migratetype type);
    /// Frees `count` frames from the per-CPU lists of `owner` round-robin, starting with `list`.
    void drain(Zone& zone, CpuId owner, std::int64_t count, std::size_t list, CpuId by,
               AllocTrace* trace = nullptr);
    /// Puts a prepared block on its per-CPU list. Returns the frames that must be drained now, 0 when none.
    [[nodiscard]] std::int64_t push(Zone& zone, CpuId cpu, std::uint32_t frame, unsigned order,
                                    Migratetype type);
    /// Checks a block and marks it free; its type becomes its pageblock's.
    [[nodiscard]] std::expected<void, BadPage> prepare_free(Pfn frame, unsigned order);
    /// Frees a prepared block to the free lists without the per-CPU lists (large orders, busy per-CPU lock).
    void free_to_buddy(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu,
                       AllocTrace* trace = nullptr);
    /// Marks a block that has left every list as handed out.
    void prepare_new(std::uint32_t frame, unsigned order, GfpMask mask);
    /// One pass over the zones, as the fast path does it first.
    [[nodiscard]] AllocFlags fast_path_flags(const AllocRequest& request) const;
    /// The zone in which a first pass, or else a second with the slow path's rights, would look; null when
    /// neither finds one. Changes nothing.
    [[nodiscard]] const Zone* preview(const AllocRequest& request) const;

    [[nodiscard]] PageMap& pages() { return m_pages; }
    [[nodiscard]] const PageMap& pages() const { return m_pages; }
    [[nodiscard]] Buddy& buddy() { return m_buddy; }
    [[nodiscard]] std::span<const std::unique_ptr<Zone>> zones() const { return m_zones; }
    [[nodiscard]] Zone* zone_of(Pfn frame);
    [[nodiscard]] const Zone* zone_of(Pfn frame) const {
        return const_cast<PageAllocator*>(this)->zone_of(frame);
    }
    [[nodiscard]] Zone* find_zone(NodeId node, ZoneType type) const;
    [[nodiscard]] const Zonelist& zonelist(NodeId node, bool this_node_only) const;
    [[nodiscard]] std::size_t node_count() const { return m_fallback.size(); }
    [[nodiscard]] const IndexedVec<CpuId, NodeId>& cpus() const { return m_layout.cpus; }
    [[nodiscard]] ZoneLayout layout() const { return m_layout.layout; }
    [[nodiscard]] const std::vector<std::vector<NodeId>>& node_order() const { return m_node_order; }
    [[nodiscard]] PageSettings& settings() { return m_settings; }
    [[nodiscard]] const PageSettings& settings() const { return m_settings; }

    /// Borrowed; null restores the default, which frees nothing.
    void set_reclaimer(Reclaimer* reclaimer);
    void set_compactor(Compactor* compactor);
    [[nodiscard]] const Reclaimer& reclaimer() const { return *m_reclaimer; }
    void set_events(PageEvents* events);

private:
    struct Context {
        GfpMask mask;
        unsigned order = 0;
        CpuId cpu{};
        ZoneType highest = ZoneType::Normal;
        Migratetype type = Migratetype::Unmovable;
        const Zonelist* zones = nullptr;
        const NodeMask* nodes = nullptr;
        const NodeMask* cpuset = nullptr;
        Zone* preferred = nullptr;
        std::size_t first = 0; ///< place of `preferred` in `zones`
        TaskContext context = TaskContext::None;
        NodeId preferred_node{};
        bool spread_dirty = false; ///< nodes at their dirty limit are left out
        AllocTrace* trace = nullptr;
    };

    [[nodiscard]] Context prepare(const AllocRequest& request, AllocFlags& flags, AllocTrace* trace) const;
    void set_first_zone(Context& context) const;
    [[nodiscard]] AllocFlags nofragment_flags(const Context& context) const;
    [[nodiscard]] bool reclaimed_nearby(Context& context, const Zone& zone, AllocFlags flags);
    [[nodiscard]] bool usable(const Context& context, const Zone& zone, AllocFlags flags) const;
    [[nodiscard]] std::uint32_t take_from_zones(Context& context, AllocFlags flags);
    [[nodiscard]] std::uint32_t take_from_zone(Context& context, Zone& zone, AllocFlags flags);
    [[nodiscard]] std::uint32_t take_from_pcp(Context& context, Zone& zone, AllocFlags flags);
    [[nodiscard]] std::uint32_t take_from_buddy(Context& context, Zone& zone, AllocFlags flags);
    void count_numa(const Context& context, Zone& zone, std::uint64_t allocations) const;

    [[nodiscard]] std::expected<std::uint32_t, AllocError> slow_path(Context& context);
    [[nodiscard]] AllocFlags slow_path_flags(const Context& context) const;
    [[nodiscard]] AllocFlags reserve_flags(const Context& context) const;
    void wake_all_kswapds(const Context& context);
    [[nodiscard]] std::uint32_t direct_compact(Context& context, AllocFlags flags, CompactPriority priority,
                                               CompactResult& result);
    [[nodiscard]] std::uint32_t direct_reclaim(Context& context, AllocFlags flags, std::uint64_t& progress);
    [[nodiscard]] bool retry_reclaim(Context& context, AllocFlags flags, bool progress, int& loops);
    [[nodiscard]] bool retry_compact(const Context& context, AllocFlags flags, CompactResult result,
                                     CompactPriority& priority, int& retries) const;
    [[nodiscard]] std::uint32_t may_oom(Context& context, bool& progress);
    [[nodiscard]] std::uint32_t take_ignoring_cpuset(Context& context, AllocFlags flags);
    bool unreserve_highatomic(Context& context, bool force);
    [[nodiscard]] static ReclaimRequest reclaim_request(const Context& context);

    AllocatorLayout m_layout;
    PageSettings m_settings;
    PageMap m_pages;
    Buddy m_buddy;
    std::vector<std::unique_ptr<Zone>> m_zones;
    std::vector<std::vector<NodeId>> m_node_order;
    std::vector<Zonelist> m_fallback; // by node
    std::vector<Zonelist> m_local;    // by node, its own zones only
    std::unique_ptr<Reclaimer> m_no_reclaimer;
    std::unique_ptr<Compactor> m_no_compactor;
    Reclaimer* m_reclaimer;
    Compactor* m_compactor;
    PageEvents* m_events = nullptr;
};

} // namespace pagewalk::os
