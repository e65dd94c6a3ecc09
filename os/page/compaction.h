#pragma once

#include "base/stats.h"
#include "os/page/compaction_events.h"
#include "os/page/page_allocator.h"
#include "os/page/reclaimer.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

enum class CompactMode : std::uint8_t { Async, SyncLight, Sync };

/// Moves pages in use: rmap, page tables and the LRU lists are the virtual memory side's.
class PageMigrator {
public:
    virtual ~PageMigrator() = default;
    /// Takes a frame that is on an LRU list, or otherwise migratable, off its lists. Returns false when it is
    /// pinned or, in asynchronous mode, would block.
    [[nodiscard]] virtual bool isolate(Pfn frame, CompactMode mode, GfpMask mask) = 0;
    /// Puts an isolated frame back where it was.
    virtual void put_back(Pfn frame) = 0;
    /// Moves contents and mappings of an isolated frame to `to`, which takes its place. The caller frees
    /// `from`.
    [[nodiscard]] virtual bool migrate(Pfn from, Pfn to, CompactMode mode) = 0;
    /// Pages on their way to an LRU list, in a batch of `cpu`, get there: only then can they be isolated.
    virtual void drain_batches(CpuId cpu) { (void)cpu; }
    /// Too much is isolated already for asynchronous work to go on.
    [[nodiscard]] virtual bool too_many_isolated(NodeId node) const {
        (void)node;
        return false;
    }
};

struct CompactionCounters {
    std::uint64_t migrate_scanned = 0; ///< frames
    std::uint64_t free_scanned = 0;    ///< frames
    std::uint64_t isolated = 0;        ///< frames, free and in use
    std::uint64_t migrated = 0;        ///< frames
    std::uint64_t failed = 0;          ///< frames that could not be moved
    std::uint64_t stalls = 0;          ///< direct compactions that were not skipped
    std::uint64_t successes = 0;       ///< of these, followed by a successful allocation
    std::uint64_t daemon_wakes = 0;
    std::uint64_t daemon_migrate_scanned = 0; ///< frames
    std::uint64_t daemon_free_scanned = 0;    ///< frames

    void declare(StatGroup group) const;
};

/// Memory compaction of Linux 6.1: a scanner from the zone's start collects pages in use, one from its end
/// free frames to move them to, until they meet or a block of the wanted order is free. Source: behaviour of
/// Linux 6.1.192; Documentation/admin-guide/sysctl/vm.rst.
class Compaction : public Compactor {
public:
    struct Settings {
        unsigned proactiveness = 20;          ///< vm.compaction_proactiveness, 0 to 100
        std::int64_t extfrag_threshold = 500; ///< vm.extfrag_threshold, 0 to 1000
    };

    Compaction(PageAllocator& allocator, PageMigrator& migrator)
        : Compaction(allocator, migrator, Settings{}) {}
    Compaction(PageAllocator& allocator, PageMigrator& migrator, const Settings& settings);

    [[nodiscard]] Outcome compact(const ReclaimRequest& request, AllocFlags flags,
                                  CompactPriority priority) override;
    void defer_reset(Zone& zone, unsigned order) override;
    [[nodiscard]] bool could_run_after_reclaim(const ReclaimRequest& request,
                                               AllocFlags flags) const override;
    void kswapd_sleeps(NodeId node) override { reset_skip_hints(node); }
    void wake_kcompactd(Zone& zone, unsigned order, ZoneType highest) override;

    /// kcompactd of `node` has been asked for something.
    [[nodiscard]] bool kcompactd_requested(NodeId node) const {
        return m_nodes[pagewalk::index_of(node)].max_order != 0;
    }
    /// kcompactd has something to do on `node`.
    [[nodiscard]] bool kcompactd_wanted(NodeId node) const;
    /// One round of kcompactd for what it was woken for.
    void run_kcompactd(NodeId node, CpuId cpu);
    /// The same in steps of a pageblock at most, between which others may run.
    void begin_kcompactd(NodeId node);
    /// The node is fragmented enough for kcompactd to work without being asked.
    [[nodiscard]] bool proactive_wanted(NodeId node) const;
    /// One proactive round. Returns false when it brought the score no lower.
    bool run_proactive(NodeId node, CpuId cpu);
    void begin_proactive(NodeId node);
    enum class Progress : std::uint8_t { More, Done, DoneInVain };
    /// One step of what was begun on `node`.
    [[nodiscard]] Progress step(NodeId node, CpuId cpu);
    /// Borrowed; null restores silence.
    void set_events(CompactionEvents* events) {
        m_events = events ? events : &m_silence;
        m_touched.record(events != nullptr);
    }
    /// vm.compact_memory.
    void compact_everything(CpuId cpu);
    /// kswapd goes to sleep: pageblocks that were skipped after a full failed round are looked at again.
    void reset_skip_hints(NodeId node);

    /// 0 = failure for lack of memory, 1000 = for fragmentation, -1000 = a block is there.
    [[nodiscard]] static std::int64_t fragmentation_index(const Zone& zone, unsigned order);
    /// Part of the free memory in blocks too small for `order`, in percent.
    [[nodiscard]] static std::uint64_t unusable_percent(const Zone& zone, unsigned order);
    [[nodiscard]] const CompactionCounters& counters() const { return m_counters; }

private:
    friend class CompactionScanners;

    /// Smallest order of one run, or everything.
    static constexpr int everything = -1;

    struct Control {
        Zone* zone = nullptr;
        int order = everything;
        int search_order = 0;
        GfpMask mask = gfp::kernel;
        Migratetype type = Migratetype::Unmovable;
        CompactMode mode = CompactMode::SyncLight;
        AllocFlags flags;
        ZoneType highest = ZoneType::Dma;
        CpuId cpu{};
        bool direct = false;
        bool whole_zone = false;
        bool ignore_skip_hint = false;
        bool ignore_block_suitable = false;
        bool proactive = false;
        bool contended = false;
        bool rescan = false;
        std::uint64_t migrate_frame = 0, free_frame = 0;
        std::uint64_t fast_start = 0;
        std::uint64_t last_migrated = 0;
        bool keep_in_step = false; ///< the synchronous scanner's place follows the asynchronous one's
        const CaptureRequest* capture = nullptr;
        unsigned fast_search_fail = 0;
        std::vector<std::uint32_t> free_frames;    ///< the next to use is last
        std::vector<std::uint32_t> migrate_frames; ///< the next to move is last
    };
    struct NodeState {
        unsigned max_order = 0;
        ZoneType highest = ZoneType::Device;
        // kcompactd's run, a step at a time
        enum class Run : std::uint8_t { None, Woken, Proactive };
        Run run = Run::None;
        bool in_zone = false;
        unsigned order = 0;
        ZoneType run_highest = ZoneType::Device;
        std::size_t next_zone = 0;
        std::uint64_t score = 0; ///< at the beginning
        Control control;
    };

    [[nodiscard]] CompactResult compact_zone(Control& control);
    [[nodiscard]] CompactResult begin_zone(Control& control);
    [[nodiscard]] CompactResult step_zone(Control& control);
    [[nodiscard]] bool begin_next_zone(NodeState& state, NodeId node, CpuId cpu);
    void finish_woken_zone(const NodeState& state, CompactResult status, CpuId cpu);
    void free(std::uint32_t frame, CpuId cpu);
    /// What one free or drain touches, empty.
    [[nodiscard]] TouchSteps& touched() {
        m_touched.clear();
        return m_touched;
    }
    [[nodiscard]] CompactResult finished(Control& control);
    [[nodiscard]] CompactResult suitable(const Zone& zone, int order, AllocFlags flags,
                                         ZoneType highest) const;
    [[nodiscard]] CompactResult suitable_by_watermark(const Zone& zone, int order, AllocFlags flags,
                                                      ZoneType highest, std::int64_t free_pages) const;
    [[nodiscard]] bool migrate_isolated(Control& control);
    void put_back_isolated(Control& control);
    void release_free(Control& control);
    [[nodiscard]] static bool scanners_met(const Control& control, unsigned pageblock_order);
    [[nodiscard]] static bool deferred(Zone& zone, unsigned order);
    [[nodiscard]] static bool restarting(const Zone& zone, unsigned order);
    static void defer(Zone& zone, unsigned order);
    static void note_success(Zone& zone, unsigned order, bool allocated);
    void reset_cached_positions(Zone& zone) const;
    void reset_zone_skip_hints(Zone& zone);
    [[nodiscard]] bool reset_block_skip(Zone& zone, std::uint64_t frame, bool as_source, bool as_target);
    [[nodiscard]] std::uint64_t node_score(NodeId node) const;
    void compact_node(NodeId node, CpuId cpu);

    PageAllocator& m_allocator;
    PageMap& m_pages;
    PageMigrator& m_migrator;
    Settings m_settings;
    CompactionCounters m_counters;
    CompactionEvents m_silence;
    CompactionEvents* m_events = &m_silence;
    std::vector<NodeState> m_nodes;
    TouchSteps m_touched;
};

} // namespace pagewalk::os
