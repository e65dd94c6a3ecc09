#pragma once

#include "os/vm/compaction_driver.h"
#include "os/path/frame_allocator.h"
#include "os/reclaim/kcompactd.h"
#include "os/path/kernel_counters.h"
#include "os/reclaim/kswapd.h"
#include "os/page/reclaimer.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace pagewalk::os {

/// The threads of a node that look after its memory.
enum class Daemon : std::uint8_t { Kswapd, Kcompactd };
inline constexpr std::size_t daemon_count = 2;

/// kswapd and kcompactd of every node, and what the page allocator's slow path asks for: waking them, reclaim
/// in the requester's context, the OOM killer. There is no reclaim yet: nothing is ever found to be freed.
class MemoryDaemons final : public Reclaimer {
public:
    /// What the daemons need of the scheduler and of the tasks.
    struct Host {
        std::function<bool(Daemon, NodeId)> asleep;
        std::function<void(Operation&, Daemon, NodeId)> wake;
        std::function<OomOutcome(Operation&)> kill;
    };
    MemoryDaemons(FrameAllocator& frames, CompactionDriver& compaction, KernelCounters& counters, Host host);

    [[nodiscard]] std::size_t node_count() const { return m_nodes.size(); }
    [[nodiscard]] KernelThread& thread(Daemon which, NodeId node);
    [[nodiscard]] const Kswapd& kswapd(NodeId node) const { return m_nodes[pagewalk::index_of(node)].kswapd; }
    /// When memory is next to be looked at for being fragmented, unasked.
    [[nodiscard]] Tick next_check() const { return m_next_check; }
    /// Does so, and wakes the kcompactds that have something to do.
    void check(Operation& op);

    void wake_kswapd(Zone& zone, unsigned order, GfpMask mask, ZoneType highest) override;
    [[nodiscard]] std::uint64_t direct_reclaim(const ReclaimRequest& request) override;
    [[nodiscard]] OomOutcome out_of_memory(const ReclaimRequest& request) override;

private:
    struct Node {
        Kswapd kswapd;
        Kcompactd kcompactd;
    };

    FrameAllocator& m_frames;
    CompactionDriver& m_compaction;
    KernelCounters& m_counters;
    Host m_host;
    std::vector<Node> m_nodes;
    Tick m_next_check;
};

} // namespace pagewalk::os
