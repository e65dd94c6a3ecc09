#pragma once

#include "os/page/reclaimer.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/reclaim/kcompactd.h"
#include "os/reclaim/kswapd.h"
#include "os/reclaim/node_reclaim.h"
#include "os/reclaim/reclaim_throttle.h"
#include "os/task/oom_killer.h"
#include "os/task/processes.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// kswapd and kcompactd of every node, and what the page allocator's slow path asks for: waking them, reclaim
/// in the requester's context, the OOM killer. The latter two also for memory cgroups.
class MemoryDaemons final : public Reclaimer, public CgroupPressure {
public:
    struct Parts {
        FrameAllocator& frames;
        Compaction& compaction;
        KernelCounters& counters;
        TaskRunner& runner;
        OomKiller& oom_killer;
        NodeReclaim& reclaim;
        Swap& swap;
    };
    /// From here on the page allocator asks here.
    explicit MemoryDaemons(const Parts& parts);

    /// Starts the threads, each on the CPUs of its node.
    void start(Processes& processes);
    [[nodiscard]] const Kswapd& kswapd(NodeId node) const {
        return m_nodes[pagewalk::index_of(node)]->kswapd;
    }
    [[nodiscard]] const Kcompactd& kcompactd(NodeId node) const {
        return m_nodes[pagewalk::index_of(node)]->kcompactd;
    }
    /// Compaction has work for the node's thread.
    void wake_kcompactd(NodeId node);

    void wake_kswapd(Zone& zone, unsigned order, GfpMask mask, ZoneType highest) override;
    [[nodiscard]] std::uint64_t direct_reclaim(const ReclaimRequest& request) override;
    [[nodiscard]] std::uint64_t reclaimable_pages(const Zone& zone) const override {
        return m_parts.reclaim.reclaimable_pages(zone);
    }
    [[nodiscard]] NodeScanResult scan_node(const NodeScan& scan) override;
    [[nodiscard]] CpuId requester_cpu(CpuId cpu) const override { return m_parts.frames.served_cpu(cpu); }
    [[nodiscard]] OomOutcome out_of_memory(const ReclaimRequest& request) override;

    /// try_to_free_mem_cgroup_pages.
    [[nodiscard]] std::uint64_t reclaim(Operation& op, MemoryCgroup& group, std::uint64_t pages) override;
    [[nodiscard]] OomOutcome out_of_memory(Operation& op, MemoryCgroup& group) override {
        return m_parts.oom_killer.out_of_memory(op, group);
    }

private:
    struct Node {
        Node(const Parts& parts, Reclaimer& reclaimer, NodeId node)
            : kswapd({parts.frames, reclaimer, parts.compaction, parts.counters}, parts.runner, node),
              kcompactd(parts.frames, parts.compaction, parts.runner, kswapd, node) {}

        Kswapd kswapd;
        Kcompactd kcompactd;
    };
    [[nodiscard]] bool reclaim_is_under_way() const;
    [[nodiscard]] bool reserves_are_low(NodeId node) const;
    [[nodiscard]] bool much_is_being_written(NodeId node) const;
    void shrink_zones(Operation& op, const ReclaimRequest& request, ScanControl& control);
    void throttle(Operation& op, NodeId node, const ScanControl& control);
    template <class Shrink>
    std::uint64_t free_pages(Operation& op, ScanControl& control, const Shrink& shrink);
    [[nodiscard]] Kswapd& kswapd_of(NodeId node) { return m_nodes[pagewalk::index_of(node)]->kswapd; }

    Parts m_parts;
    std::vector<std::unique_ptr<Node>> m_nodes;
    ReclaimThrottle m_throttle;
    WaitQueue m_retry; ///< requesters that give kswapd time
};

} // namespace pagewalk::os
