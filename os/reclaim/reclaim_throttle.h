#pragma once

#include "os/path/frame_allocator.h"
#include "os/task/wait_queue.h"

#include <array>
#include <cstdint>
#include <deque>

namespace pagewalk::os {

/// Where reclaim waits when it is faster than the disk, or gets nowhere (reclaim_throttle).
class ReclaimThrottle {
public:
    enum class Reason : std::uint8_t {
        Writeback,  ///< too much is being written
        NoProgress, ///< others may have more luck
    };
    ReclaimThrottle(FrameAllocator& frames, KernelCounters& counters, TaskRunner& runner);

    /// Waits until what is waited for has come, or until the kernel would wait no longer. Nothing where the
    /// operation may not wait.
    void wait(Operation& op, NodeId node, Reason reason);
    /// A page of the node has been written: who waits for the disk goes on after 32 a waiter.
    void page_written(NodeId node, const Moment& moment);
    /// Reclaim of the node works again.
    void progress(Operation& op, NodeId node);
    /// Waits until kswapd has filled the reserves of the node, a jiffy at most: who asks looks again.
    void wait_for_reserves(Operation& op, NodeId node);
    void reserves_filled(Operation& op, NodeId node);

private:
    struct Node {
        explicit Node(TaskRunner& runner) : writeback(runner), no_progress(runner), reserves(runner) {}
        WaitQueue writeback, no_progress, reserves;
        std::uint64_t written = 0; ///< pages, since somebody waits
    };
    [[nodiscard]] Node& at(NodeId node) { return m_nodes[pagewalk::index_of(node)]; }

    KernelCounters& m_counters;
    std::deque<Node> m_nodes;
};

} // namespace pagewalk::os
