#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/reclaim_counters.h"
#include "os/reclaim/refault_tiers.h"

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// What reclaim knows of a node, or of a memory cgroup on it, beside its lists (struct lruvec). A node's
/// includes its cgroups'.
struct NodeLru {
    std::uint64_t nonresident_age = 0; ///< pages evicted or activated so far
    /// Pages that each kind of list has cost lately, in disk accesses.
    std::array<std::uint64_t, lru_kind_count> cost{};
    std::array<std::uint64_t, lru_kind_count> activations{}; ///< refaults that were active at once
    std::array<std::uint64_t, lru_kind_count> seen{};        ///< of those when reclaim last looked
    bool many_dirty = false;     ///< PGDAT_DIRTY: kswapd met only dirty file pages
    bool many_writeback = false; ///< PGDAT_WRITEBACK: kswapd met only pages being written
};

/// A word in the place of a reclaimed page: when it left, and what it was. 0: none.
using Shadow = std::uint64_t;

/// Finds out whether a page that is read back would have stayed with slightly larger lists. Source: behaviour
/// of mm/workingset.c of Linux 6.1. The shadows of file pages are kept here; those of swapped pages by the
/// swap cache.
class Workingset {
public:
    Workingset(FrameAllocator& frames, KernelCounters& counters)
        : m_frames(frames), m_counters(counters), m_nodes(frames.allocator().node_count()) {}

    [[nodiscard]] NodeLru& node(NodeId node) { return of({node}); }
    [[nodiscard]] NodeLru& of(LruVec vec);
    /// With generations of pages.
    [[nodiscard]] RefaultTiers& tiers(LruVec vec);
    /// workingset_age_nonresident: the page, or one that was its like, is used or gone.
    void age(LruVec vec, std::uint64_t pages);
    /// workingset_eviction: the page is about to be reclaimed for `target`; null: for the machine.
    [[nodiscard]] Shadow evict(Pfn frame, const MemoryCgroup* target = nullptr);
    /// workingset_refault: a page with this shadow is back, not yet on a list.
    void refault(Operation& op, Pfn frame, Shadow shadow);

    /// evict() of a file's page, whose shadow is kept.
    void evict_file_page(Pfn frame, const MemoryCgroup* target) {
        m_file_shadows[key_of(frame)] = evict(frame, target);
    }
    /// A page has come into a page cache: refault() where it was there before.
    void file_page_added(Operation& op, Pfn frame);
    /// lru_note_cost: a disk access, or the loss of a page that was in use.
    void note_cost(LruVec vec, LruKind kind, std::uint64_t pages);
    /// Whether reclaim may use swap: then anonymous memory counts as well.
    void set_swap_room(bool room) { m_swap_room = room; }

private:
    [[nodiscard]] std::uint64_t key_of(Pfn frame) const {
        const FrameMapping page = m_frames.mapping(frame);
        return std::uint64_t{page.owner} << 36 | page.index;
    }
    [[nodiscard]] LruVec vec_of(Pfn frame) const {
        return {m_frames.allocator().zone_of(frame)->node, m_frames.cgroups().group_of(frame)};
    }
    void note_own_cost(LruVec vec, LruKind kind, std::uint64_t pages);
    [[nodiscard]] Shadow evict_generation(LruGenerations& generations, Pfn frame);
    void refault_generation(const Operation& op, LruGenerations& generations, Pfn frame, Shadow shadow);

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    std::vector<NodeLru> m_nodes;                             // by group and node
    std::vector<RefaultTiers> m_tiers;                        // likewise
    std::unordered_map<std::uint64_t, Shadow> m_file_shadows; // by file and page index
    bool m_swap_room = false;
};

} // namespace pagewalk::os
