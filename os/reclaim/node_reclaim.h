#pragma once

#include "os/reclaim/lru_batch.h"
#include "os/reclaim/multi_gen_lru.h"
#include "os/reclaim/page_shrinker.h"
#include "os/reclaim/scan_balance.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::os {

/// Reclaim of a node's pages: how far to scan which list, from active to inactive ones, from there to freedom
/// (shrink_node and what it calls). Source: behaviour of mm/vmscan.c of Linux 6.1.192.
class NodeReclaim {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelCounters& counters;
        PageUsers& users;
        LruBatches& lru;
        Swap& swap;
        Workingset& workingset;
    };
    /// `swappiness`: vm.swappiness.
    NodeReclaim(const Parts& parts, unsigned swappiness, ReclaimPolicyKind policy = ReclaimPolicyKind::Lru);

    /// shrink_node: one pass over the node's lists with the control's priority, those of memory cgroups after
    /// the others, or of the control's target alone. Adds to what the control has scanned and reclaimed.
    void shrink_node(Operation& op, NodeId node, ScanControl& control);
    /// kswapd_age_node: looks through active anonymous pages where there are few inactive ones.
    void age_node(Operation& op, NodeId node, ScanControl& control);
    /// reclaim_pages (MADV_PAGEOUT): frees pages of any node that are off their lists, used or not, and puts
    /// the others back. Returns how many have been freed.
    std::uint64_t reclaim_pages(Operation& op, std::span<const Pfn> pages);
    /// zone_reclaimable_pages.
    [[nodiscard]] std::uint64_t reclaimable_pages(const Zone& zone) const;
    /// clear_pgdat_congested: what kswapd has met in earlier rounds counts no more.
    void forget_congestion(NodeId node) {
        m_parts.workingset.node(node).many_dirty = m_parts.workingset.node(node).many_writeback = false;
    }
    /// snapshot_refaults: what has been activated since counts as news to the next reclaim.
    void note_refaults(LruVec vec);
    void note_refaults(NodeId node) { note_refaults(LruVec{node}); }
    /// As far as the area and the group of this number go.
    [[nodiscard]] bool can_swap(std::uint16_t group = 0) const {
        return m_parts.swap.area().free() != 0 && m_parts.frames.cgroups().may_swap(group);
    }

private:
    static constexpr std::uint64_t batch = 32; // SWAP_CLUSTER_MAX

    void shrink_once(Operation& op, NodeId node, ScanControl& control);
    /// shrink_node_memcgs.
    void shrink_groups(Operation& op, NodeId node, ScanControl& control);
    [[nodiscard]] static bool spares(MemoryCgroup& group, ScanControl& control);
    void shrink_lists(Operation& op, LruVec vec, ScanControl& control);
    [[nodiscard]] ListPages plan(LruVec vec, ScanControl& control);
    [[nodiscard]] bool goes_on(NodeId node, const ScanControl& control, std::uint64_t reclaimed) const;
    std::uint64_t shrink_list(Operation& op, LruVec vec, LruList list, std::uint64_t pages,
                              ScanControl& control);
    void shrink_active(Operation& op, LruVec vec, LruKind kind, std::uint64_t pages, ScanControl& control);
    std::uint64_t shrink_inactive(Operation& op, LruVec vec, LruKind kind, std::uint64_t pages,
                                  ScanControl& control);
    /// Takes the oldest pages of a list off it, into m_isolated. Returns how many were looked at.
    std::uint64_t isolate(Operation& op, LruVec vec, LruList list, std::uint64_t pages,
                          const ScanControl& control);
    void prepare(NodeId node, ScanControl& control) const;
    [[nodiscard]] bool inactive_is_low(LruVec vec, LruKind kind) const;
    [[nodiscard]] bool has_refaulted(LruVec vec, LruKind kind) const;
    /// What the control's decisions are about.
    [[nodiscard]] static LruVec target_of(NodeId node, const ScanControl& control) {
        return {node, control.target != nullptr ? control.target->number : std::uint16_t{0}};
    }

    Parts m_parts;
    std::unique_ptr<ReclaimPolicy> m_policy;
    PageShrinker m_shrinker;
    std::unique_ptr<MultiGenLru> m_multi_gen; ///< null: active and inactive lists
    unsigned m_swappiness;
    std::vector<Pfn> m_isolated, m_skipped;
};

} // namespace pagewalk::os
