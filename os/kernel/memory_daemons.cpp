#include "os/kernel/memory_daemons.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr unsigned reclaim_rounds = 13; // DEF_PRIORITY down to 0

} // namespace

MemoryDaemons::MemoryDaemons(FrameAllocator& frames, CompactionDriver& compaction, KernelCounters& counters,
                             Host host)
    : m_frames(frames), m_compaction(compaction), m_counters(counters), m_host(std::move(host)),
      m_next_check(Kcompactd::check_interval) {
    const std::size_t nodes = frames.allocator().node_count();
    m_nodes.reserve(nodes);
    for (std::size_t i = 0; i < nodes; ++i) {
        const auto node = static_cast<NodeId>(i);
        m_nodes.push_back({Kswapd({frames, *this, compaction.compaction(), counters}, node),
                           Kcompactd(frames, compaction.compaction(), node)});
    }
    frames.allocator().set_reclaimer(this);
    compaction.on_daemon_wanted(
        [this](NodeId node) { m_host.wake(m_frames.slow_path_operation(), Daemon::Kcompactd, node); });
}

KernelThread& MemoryDaemons::thread(Daemon which, NodeId node) {
    Node& of = m_nodes[pagewalk::index_of(node)];
    if (which == Daemon::Kswapd) return of.kswapd;
    return of.kcompactd;
}

void MemoryDaemons::check(Operation& op) {
    m_next_check = no_time;
    for (std::size_t i = 0; i < m_nodes.size(); ++i) {
        const auto node = static_cast<NodeId>(i);
        Kcompactd& kcompactd = m_nodes[i].kcompactd;
        const bool idle = m_host.asleep(Daemon::Kcompactd, node) && m_host.asleep(Daemon::Kswapd, node);
        if (kcompactd.check(op.now, idle)) m_host.wake(op, Daemon::Kcompactd, node);
        m_next_check = std::min(m_next_check, kcompactd.next_check());
    }
}

void MemoryDaemons::wake_kswapd(Zone& zone, unsigned order, GfpMask mask, ZoneType highest) {
    Operation& op = m_frames.slow_path_operation();
    op.path.call(KernelFunction::WakeupKswapd);
    op.path.store(m_frames.addresses().kswapd_wait(zone.node));
    const bool asleep = m_host.asleep(Daemon::Kswapd, zone.node);
    if (m_nodes[pagewalk::index_of(zone.node)].kswapd.wanted(zone, order, mask, highest, asleep))
        m_host.wake(op, Daemon::Kswapd, zone.node);
}

std::uint64_t MemoryDaemons::direct_reclaim(const ReclaimRequest& request) {
    Operation& op = m_frames.slow_path_operation();
    ++m_counters.allocstall[pagewalk::os::index_of(request.highest)];
    op.path.call(KernelFunction::TryToFreePages);
    const PageAllocator& allocator = m_frames.allocator();
    const bool local = request.mask.any(gfp::thisnode);
    for (unsigned round = 0; round < reclaim_rounds; ++round)
        for (const NodeId node : allocator.node_order()[pagewalk::index_of(request.preferred)]) {
            if ((local && node != request.preferred) || (request.nodes && !request.nodes->contains(node)))
                continue;
            op.path.call(KernelFunction::ShrinkNode);
            op.path.load(m_frames.addresses().lruvec(node));
        }
    return 0;
}

OomOutcome MemoryDaemons::out_of_memory(const ReclaimRequest&) {
    Operation& op = m_frames.slow_path_operation();
    // The requester gives way between its retries (cond_resched): a kswapd that was woken has had its turn by
    // now. Here a request is served at once, so that its turn is now.
    bool worked = false;
    for (std::size_t i = 0; i < m_nodes.size(); ++i) {
        Kswapd& kswapd = m_nodes[i].kswapd;
        if (m_host.asleep(Daemon::Kswapd, static_cast<NodeId>(i)) || !kswapd.busy() || kswapd.hopeless())
            continue;
        worked = true;
        while (kswapd.run(op, KernelThread::Woken::Early).kind == KernelThread::Rest::Kind::Yield) {
        }
    }
    return worked ? OomOutcome::Killed : m_host.kill(op);
}

} // namespace pagewalk::os
