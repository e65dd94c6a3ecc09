#include "os/reclaim/memory_daemons.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr Tick jiffy{4'000'000 * ticks_per_ns}; // CONFIG_HZ=250
// A second; assumed: Linux waits for ever where the file system may be used.
constexpr int most_looks_at_reserves = 250;

} // namespace

MemoryDaemons::MemoryDaemons(const Parts& parts)
    : m_parts(parts), m_throttle(parts.frames, parts.counters, parts.runner), m_retry(parts.runner) {
    for (std::size_t i = 0; i < parts.frames.allocator().node_count(); ++i)
        m_nodes.push_back(std::make_unique<Node>(parts, *this, static_cast<NodeId>(i)));
    parts.frames.allocator().set_reclaimer(this);
    parts.swap.on_written([this](Pfn frame, const Moment& moment) {
        m_throttle.page_written(m_parts.frames.allocator().zone_of(frame)->node, moment);
    });
}

void MemoryDaemons::start(Processes& processes) {
    const auto& node_of_cpu = m_parts.frames.allocator().cpus();
    for (std::size_t i = 0; i < m_nodes.size(); ++i) {
        CpuMask local;
        for (std::size_t cpu = 0; cpu < node_of_cpu.size(); ++cpu)
            if (node_of_cpu[static_cast<CpuId>(cpu)] == static_cast<NodeId>(i)) local.set(cpu);
        processes.start(m_nodes[i]->kswapd, local);
        processes.start(m_nodes[i]->kcompactd, local);
    }
}

void MemoryDaemons::wake_kcompactd(NodeId node) {
    m_nodes[pagewalk::index_of(node)]->kcompactd.wake(m_parts.frames.slow_path_operation());
}

void MemoryDaemons::wake_kswapd(Zone& zone, unsigned order, GfpMask mask, ZoneType highest) {
    Operation& op = m_parts.frames.slow_path_operation();
    op.path.call(KernelFunction::WakeupKswapd);
    op.path.store(m_parts.frames.addresses().kswapd_wait(zone.node));
    Kswapd& kswapd = m_nodes[pagewalk::index_of(zone.node)]->kswapd;
    if (kswapd.wanted(zone, order, mask, highest)) kswapd.wake(op);
}

/// allow_direct_reclaim, the other way round.
bool MemoryDaemons::reserves_are_low(NodeId node) const {
    std::uint64_t reserve = 0, free = 0;
    for (const auto& zone : m_parts.frames.allocator().zones()) {
        if (zone->node != node || zone->type > ZoneType::Normal || zone->managed == 0) continue;
        if (m_parts.reclaim.reclaimable_pages(*zone) == 0) continue;
        reserve += zone->watermark(Watermark::Min);
        free += static_cast<std::uint64_t>(std::max<std::int64_t>(zone->free_pages, 0));
    }
    return reserve != 0 && free <= reserve / 2;
}

/// The opposite of skip_throttle_noprogress: the disk has something to do that reclaim can wait for.
bool MemoryDaemons::much_is_being_written(NodeId node) const {
    if (kswapd(node).hopeless()) return false;
    std::uint64_t reclaimable = 0;
    for (const auto& zone : m_parts.frames.allocator().zones())
        if (zone->node == node) reclaimable += m_parts.reclaim.reclaimable_pages(*zone);
    const KernelCounters& counters = m_parts.counters;
    return 2 * (counters.reclaim.nr_swap_writeback + counters.nr_dirty + counters.nr_writeback) > reclaimable;
}

/// consider_reclaim_throttle.
void MemoryDaemons::throttle(Operation& op, NodeId node, const ScanControl& control) {
    if (control.reclaimed > control.scanned >> 3) {
        m_throttle.progress(op, node);
        return;
    }
    if (control.priority == 1 && control.reclaimed == 0 && much_is_being_written(node))
        m_throttle.wait(op, node, ReclaimThrottle::Reason::NoProgress);
}

void MemoryDaemons::shrink_zones(Operation& op, const ReclaimRequest& request, ScanControl& control) {
    const PageAllocator& allocator = m_parts.frames.allocator();
    const bool local = request.mask.any(gfp::thisnode);
    NodeId first = request.preferred;
    bool any = false;
    for (const NodeId node : allocator.node_order()[pagewalk::index_of(request.preferred)]) {
        if ((local && node != request.preferred) || (request.nodes && !request.nodes->contains(node)))
            continue;
        if (!std::exchange(any, true)) first = node;
        m_parts.reclaim.shrink_node(op, node, control);
        if (control.reclaimed != 0) kswapd_of(node).forget_failures();
    }
    throttle(op, first, control);
}

/// do_try_to_free_pages: with more and more effort; at last what was spared before is taken too.
template <class Shrink>
std::uint64_t MemoryDaemons::free_pages(Operation& op, ScanControl& control, const Shrink& shrink) {
    for (;;) {
        control.skipped_deactivation = control.spared_protected = false;
        for (int priority = ScanControl::first_priority; priority >= 0; --priority) {
            control.priority = static_cast<unsigned>(priority);
            control.scanned = 0;
            shrink();
            if (control.reclaimed >= control.wanted) break;
            // What was scanned takes its time: meanwhile the disk gets on, and kswapd may run.
            if (op.may_wait()) op.host->give_way(op);
        }
        if (control.reclaimed != 0) return control.reclaimed;
        if (control.skipped_deactivation && !control.deactivates_all) {
            control.deactivates_all = true;
        } else if (control.spared_protected && !control.takes_protected) {
            control.takes_protected = true;
            control.deactivates_all = false;
        } else {
            return 0;
        }
    }
}

// try_to_free_pages. An operation that may not wait is in the middle of something, maybe of a page cache: it
// leaves files alone.
std::uint64_t MemoryDaemons::direct_reclaim(const ReclaimRequest& request) {
    Operation& op = m_parts.frames.slow_path_operation();
    const auto must_wait = [&] {
        return op.may_wait() && reserves_are_low(request.preferred) && kswapd(request.preferred).busy();
    };
    // throttle_direct_reclaim: kswapd fills the reserves, or gives up and sleeps.
    if (must_wait()) ++m_parts.counters.reclaim.pgscan_direct_throttle;
    for (int looks = 0; must_wait() && looks < most_looks_at_reserves; ++looks)
        m_throttle.wait_for_reserves(op, request.preferred);
    ++m_parts.counters.allocstall[pagewalk::os::index_of(request.highest)];
    op.path.call(KernelFunction::TryToFreePages);
    ScanControl control{.order = request.order,
                        .highest = request.highest,
                        .may_io = request.mask.any(gfp::io) && op.runs,
                        .spares_files = !op.may_wait()};
    free_pages(op, control, [&] { shrink_zones(op, request, control); });
    for (std::size_t node = 0; node < m_nodes.size(); ++node)
        m_parts.reclaim.note_refaults(static_cast<NodeId>(node));
    return control.reclaimed;
}

std::uint64_t MemoryDaemons::reclaim(Operation& op, MemoryCgroup& group, std::uint64_t pages) {
    op.path.call(KernelFunction::TryToFreePages);
    const NodeId own = m_parts.frames.allocator().cpus()[op.cpu];
    ScanControl control{.wanted = std::max(pages, ScanControl().wanted),
                        .highest = ZoneType::Movable,
                        .may_io = op.runs,
                        .spares_files = !op.may_wait(),
                        .target = &group};
    free_pages(op, control, [&] {
        for (const NodeId node : m_parts.frames.allocator().node_order()[pagewalk::index_of(own)])
            m_parts.reclaim.shrink_node(op, node, control);
    });
    for (std::size_t node = 0; node < m_nodes.size(); ++node)
        m_parts.reclaim.note_refaults(LruVec{static_cast<NodeId>(node), group.number});
    // Linux waits where the disk's queue is full.
    if (control.reclaimed == 0 && m_parts.counters.reclaim.nr_swap_writeback != 0)
        m_throttle.wait(op, own, ReclaimThrottle::Reason::Writeback);
    return control.reclaimed;
}

// kswapd_shrink_node and what balance_pgdat does around it.
NodeScanResult MemoryDaemons::scan_node(const NodeScan& scan) {
    Operation& op = m_parts.frames.slow_path_operation();
    ScanControl control{.wanted = scan.wanted,
                        .order = scan.order,
                        .highest = scan.highest,
                        .priority = scan.priority,
                        .by_kswapd = true,
                        .may_write = scan.may_write,
                        .may_swap = scan.may_swap,
                        .first_round = scan.first};
    if (scan.priority == ScanControl::first_priority) m_parts.reclaim.forget_congestion(scan.node);
    m_parts.reclaim.age_node(op, scan.node, control);
    m_parts.reclaim.shrink_node(op, scan.node, control);
    if (control.pass.immediate != 0) m_throttle.wait(op, scan.node, ReclaimThrottle::Reason::Writeback);
    throttle(op, scan.node, control);
    if (!reserves_are_low(scan.node)) m_throttle.reserves_filled(op, scan.node);
    m_parts.reclaim.note_refaults(scan.node);
    return {.scanned = control.scanned, .reclaimed = control.reclaimed};
}

bool MemoryDaemons::reclaim_is_under_way() const {
    return std::ranges::any_of(
        m_nodes, [](const auto& node) { return !node->kswapd.asleep() && node->kswapd.busy(); });
}

OomOutcome MemoryDaemons::out_of_memory(const ReclaimRequest&) {
    Operation& op = m_parts.frames.slow_path_operation();
    if (op.may_wait() && reclaim_is_under_way()) {
        // The requester gives way between its retries: kswapd may have more luck.
        m_retry.wait(op, Waiting::Uninterruptible, op.now + jiffy);
        return OomOutcome::Killed;
    }
    return m_parts.oom_killer.kill(op);
}

} // namespace pagewalk::os
