#pragma once

#include "base/ids.h"
#include "os/page/alloc_flags.h"
#include "os/page/gfp.h"
#include "os/page/zone_type.h"
#include "os/page/zonelist.h"

#include <cstdint>

namespace pagewalk::os {

class Reclaimer;
struct Zone;

/// What direct compaction came to, for the retry rules.
enum class CompactResult : std::uint8_t {
    NotSuitable,
    Skipped,  ///< not enough free memory to work with: reclaim first
    Deferred, ///< failed lately
    NoSuitablePage,
    Continue,
    Complete,       ///< scanned the whole zone
    PartialSkipped, ///< scanned part of it
    Contended,
    Success,
};

/// Lower values try harder.
enum class CompactPriority : std::uint8_t { SyncFull, SyncLight, Async };

/// A request as the slow path hands it to reclaim.
struct ReclaimRequest {
    GfpMask mask;
    unsigned order = 0;
    CpuId cpu{};
    NodeId preferred{};
    ZoneType highest = ZoneType::Normal;
    const NodeMask* nodes = nullptr; ///< null = any
};

/// What came of asking the OOM killer.
enum class OomOutcome : std::uint8_t {
    NoVictim,
    Killed,          ///< some process, or memory has been freed meanwhile: worth another try
    RequesterKilled, ///< the requester's own: it may use the victims' reserve to come to its end
};

/// What came of reclaim in the requester's context while its first pass goes over the zones.
enum class NodeReclaimOutcome : std::uint8_t {
    NoScan, ///< not tried: not allowed, or not this CPU's business
    Full,   ///< nothing to be had
    Some,   ///< freed pages, though maybe too few
};

/// One round of kswapd over a node.
struct NodeScan {
    NodeId node{};
    unsigned order = 0;
    ZoneType highest = ZoneType::Normal;
    unsigned priority = 12;   ///< part of the lists to scan, as a shift; lower tries harder
    std::uint64_t wanted = 0; ///< pages
    bool may_write = true;    ///< dirty pages
    bool may_swap = true;     ///< anonymous pages
    bool first = false;       ///< of the rounds since it was woken
};
struct NodeScanResult {
    std::uint64_t scanned = 0, reclaimed = 0; ///< pages
};

/// What the allocator asks of page reclaim and of the OOM killer. The default does nothing, as if there were
/// nothing to reclaim. Calls may free pages through the allocator before they return. Those on behalf of a
/// request with gfp::direct_reclaim may wait, here and in a Compactor: others use the allocator meanwhile.
class Reclaimer {
public:
    virtual ~Reclaimer() = default;

    /// kswapd of `zone`'s node should run for requests of `order` up to `highest`.
    virtual void wake_kswapd(Zone& zone, unsigned order, GfpMask mask, ZoneType highest) {
        (void)zone, (void)order, (void)mask, (void)highest;
    }
    /// Frees pages in the requester's context. Returns how many pages were reclaimed.
    [[nodiscard]] virtual std::uint64_t direct_reclaim(const ReclaimRequest& request) {
        (void)request;
        return 0;
    }
    /// Pages on the LRU lists of `zone` that reclaim could free.
    [[nodiscard]] virtual std::uint64_t reclaimable_pages(const Zone& zone) const {
        (void)zone;
        return 0;
    }
    /// vm.zone_reclaim_mode: a zone near the requester is below its mark.
    [[nodiscard]] virtual NodeReclaimOutcome node_reclaim(NodeId node, const ReclaimRequest& request) {
        (void)node, (void)request;
        return NodeReclaimOutcome::NoScan;
    }
    /// May `node` take one more page that is about to be dirtied?
    [[nodiscard]] virtual bool node_dirty_ok(NodeId node) const {
        (void)node;
        return true;
    }
    /// kswapd scans the LRU lists of a node.
    [[nodiscard]] virtual NodeScanResult scan_node(const NodeScan& scan) {
        (void)scan;
        return {};
    }
    /// Where a requester that began on `cpu` runs now: after a call that waited, maybe on another CPU.
    [[nodiscard]] virtual CpuId requester_cpu(CpuId cpu) const { return cpu; }
    /// Picks and kills a victim.
    [[nodiscard]] virtual OomOutcome out_of_memory(const ReclaimRequest& request) {
        (void)request;
        return OomOutcome::NoVictim;
    }
};

/// What the allocator asks of compaction.
class Compactor {
public:
    virtual ~Compactor() = default;

    struct Outcome {
        CompactResult result = CompactResult::Skipped;
        std::uint32_t captured = 0xffffffff; ///< frame of a block put together for this request, else none
    };
    [[nodiscard]] virtual Outcome compact(const ReclaimRequest& request, AllocFlags flags,
                                          CompactPriority priority) {
        (void)request, (void)flags, (void)priority;
        return {};
    }
    /// A block of the wanted order was found after all: failures are forgotten.
    virtual void defer_reset(Zone& zone, unsigned order) { (void)zone, (void)order; }
    /// Reclaim could make compaction possible in some zone of the request.
    [[nodiscard]] virtual bool could_run_after_reclaim(const ReclaimRequest& request,
                                                       AllocFlags flags) const {
        (void)request, (void)flags;
        return false;
    }
    /// kswapd of `node` is about to sleep: what compaction has skipped may be worth another look.
    virtual void kswapd_sleeps(NodeId node) { (void)node; }
    virtual void wake_kcompactd(Zone& zone, unsigned order, ZoneType highest) {
        (void)zone, (void)order, (void)highest;
    }
};

} // namespace pagewalk::os
