#include "os/reclaim/memory_daemons.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr unsigned reclaim_rounds = 13;         // DEF_PRIORITY down to 0
constexpr Tick jiffy{4'000'000 * ticks_per_ns}; // CONFIG_HZ=250

} // namespace

MemoryDaemons::MemoryDaemons(const Parts& parts) : m_parts(parts), m_retry(parts.runner) {
    for (std::size_t i = 0; i < parts.frames.allocator().node_count(); ++i)
        m_nodes.push_back(std::make_unique<Node>(parts, *this, static_cast<NodeId>(i)));
    parts.frames.allocator().set_reclaimer(this);
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

std::uint64_t MemoryDaemons::direct_reclaim(const ReclaimRequest& request) {
    Operation& op = m_parts.frames.slow_path_operation();
    ++m_parts.counters.allocstall[pagewalk::os::index_of(request.highest)];
    op.path.call(KernelFunction::TryToFreePages);
    const PageAllocator& allocator = m_parts.frames.allocator();
    const bool local = request.mask.any(gfp::thisnode);
    for (unsigned round = 0; round < reclaim_rounds; ++round)
        for (const NodeId node : allocator.node_order()[pagewalk::index_of(request.preferred)]) {
            if ((local && node != request.preferred) || (request.nodes && !request.nodes->contains(node)))
                continue;
            op.path.call(KernelFunction::ShrinkNode);
            op.path.load(m_parts.frames.addresses().lruvec(node));
        }
    return 0;
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
