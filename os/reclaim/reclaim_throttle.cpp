#include "os/reclaim/reclaim_throttle.h"

namespace pagewalk::os {
namespace {

// Source: timeouts of reclaim_throttle in Linux 6.1
constexpr Tick writeback_timeout{100'000'000 * ticks_per_ns}, no_progress_timeout{500'000'000 * ticks_per_ns};
constexpr Tick reserves_timeout{4'000'000 * ticks_per_ns}; // a jiffy, CONFIG_HZ=250: then look again
constexpr std::uint64_t pages_a_waiter = 32;               // SWAP_CLUSTER_MAX

} // namespace

ReclaimThrottle::ReclaimThrottle(FrameAllocator& frames, KernelCounters& counters, TaskRunner& runner)
    : m_counters(counters) {
    for (std::size_t i = 0; i < frames.allocator().node_count(); ++i) m_nodes.emplace_back(runner);
}

void ReclaimThrottle::wait(Operation& op, NodeId node, Reason reason) {
    if (!op.may_wait()) return;
    ++m_counters.reclaim.throttled;
    Node& of = at(node);
    if (reason == Reason::NoProgress) {
        of.no_progress.wait(op, Waiting::Killable, op.now + no_progress_timeout);
        return;
    }
    if (of.writeback.empty()) of.written = 0;
    of.writeback.wait(op, Waiting::Killable, op.now + writeback_timeout);
}

void ReclaimThrottle::page_written(NodeId node, const Moment& moment) {
    Node& of = at(node);
    if (of.writeback.empty() || ++of.written <= pages_a_waiter * of.writeback.size()) return;
    of.writeback.wake_all(moment);
}

void ReclaimThrottle::progress(Operation& op, NodeId node) {
    Node& of = at(node);
    if (!of.no_progress.empty()) op.effect<&WaitQueue::wake_effect>(of.no_progress, of.no_progress.size());
}

void ReclaimThrottle::wait_for_reserves(Operation& op, NodeId node) {
    if (!op.may_wait()) return;
    at(node).reserves.wait(op, Waiting::Killable, op.now + reserves_timeout);
}

void ReclaimThrottle::reserves_filled(Operation& op, NodeId node) {
    Node& of = at(node);
    if (!of.reserves.empty()) op.effect<&WaitQueue::wake_effect>(of.reserves, of.reserves.size());
}

} // namespace pagewalk::os
