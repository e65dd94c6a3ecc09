#pragma once

#include "os/page/compaction.h"
#include "os/path/frame_allocator.h"
#include "os/task/kernel_thread.h"

namespace pagewalk::os {

/// The thread of a node that compacts memory in the background, a pageblock at a time: when asked to, and
/// unasked where memory is fragmented (vm.compaction_proactiveness).
class Kcompactd final : public KernelThread {
public:
    static constexpr Tick check_interval{500'000'000 * ticks_per_ns}; // HPAGE_FRAG_CHECK_INTERVAL_MSEC

    /// `kswapd` is the node's: while it works, fragmentation is left alone.
    Kcompactd(FrameAllocator& frames, Compaction& compaction, TaskRunner& runner, const KernelThread& kswapd,
              NodeId node)
        : KernelThread(runner), m_frames(frames), m_compaction(compaction), m_kswapd(kswapd), m_node(node) {}

    void run(Operation& op) override;

private:
    static constexpr unsigned defer_shift = 6; // COMPACT_MAX_DEFER_SHIFT: after work in vain

    /// Sleeps until there is something to do, and begins with it.
    void wait_for_work(Operation& op);
    void work(Operation& op);

    FrameAllocator& m_frames;
    Compaction& m_compaction;
    const KernelThread& m_kswapd;
    NodeId m_node;
    Tick m_next_check = check_interval; ///< when it next looks at the node unasked
};

} // namespace pagewalk::os
