#pragma once

#include "os/path/frame_allocator.h"
#include "os/task/kernel_thread.h"
#include "os/page/compaction.h"

namespace pagewalk::os {

/// The thread of a node that compacts memory in the background, a pageblock at a time: when asked to, and
/// unasked where memory is fragmented (vm.compaction_proactiveness).
class Kcompactd final : public KernelThread {
public:
    static constexpr Tick check_interval{500'000'000 * ticks_per_ns}; // HPAGE_FRAG_CHECK_INTERVAL_MSEC

    Kcompactd(FrameAllocator& frames, Compaction& compaction, NodeId node)
        : m_frames(frames), m_compaction(compaction), m_node(node) {}

    [[nodiscard]] Rest run(Operation& op, Woken woken) override;

    /// When it next looks at the node unasked.
    [[nodiscard]] Tick next_check() const { return m_next_check; }
    /// Looks, if it is time; `idle`: neither it nor kswapd is at work. True when there is something to do.
    [[nodiscard]] bool check(Tick now, bool idle);

private:
    static constexpr unsigned defer_shift = 6; // COMPACT_MAX_DEFER_SHIFT: after work in vain

    enum class State : std::uint8_t { Idle, Asked, Unasked };

    FrameAllocator& m_frames;
    Compaction& m_compaction;
    NodeId m_node;
    State m_state = State::Idle;
    bool m_fragmented = false; ///< found by check()
    Tick m_next_check = check_interval;
};

} // namespace pagewalk::os
