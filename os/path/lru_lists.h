#pragma once

#include "base/ids.h"
#include "os/page/page_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/path/lru_generations.h"
#include "os/path/lru_list.h"
#include "os/path/memory_cgroup.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// The LRU lists of all nodes and memory cgroups, linked through the page descriptors, the youngest page
/// first. Unevictable pages are counted but linked nowhere, as in Linux 6.1. PageState::Lru says that a page
/// is on its list; its flags say on which: whoever changes them takes it off first. Pages that a snapshot has
/// marked Lru are on no list. A huge page is linked by its first frame and counts as many pages as it has.
/// With generations the pages are on these instead; those of the two youngest count as active.
class LruLists {
public:
    /// `groups`: null where there are none.
    LruLists(PageAllocator& allocator, KernelCounters& counters, const MemoryCgroups* groups = nullptr);

    /// From here on pages are kept by generations. Contract: nothing is on a list yet.
    void use_generations() { m_generations = std::make_unique<LruGenerations>(m_allocator, *this); }
    /// Null where there are none.
    [[nodiscard]] LruGenerations* generations() const { return m_generations.get(); }

    /// lruvec_add_folio: a page comes onto its list as the youngest.
    void add(Pfn frame);
    /// lruvec_add_folio_tail: as the oldest.
    void add_oldest(Pfn frame);
    /// lruvec_del_folio. Contract: PageState::Lru.
    void remove(Pfn frame) { remove(frame, LruGenerations::Purpose::Other); }
    void remove(Pfn frame, LruGenerations::Purpose purpose);
    /// Takes the page off its list, changes its flags, and puts it onto the list that they name.
    void change_flags(Pfn frame, std::uint16_t set, std::uint16_t clear);
    /// The page becomes the oldest of its list. Contract: PageState::Lru.
    void rotate(Pfn frame);
    /// lru_add_page_tail: the frames of a huge page, which have become pages with its flags, take places
    /// beside the first, each younger than the one before. Contract: the first has PageState::Lru.
    void split(Pfn head, std::uint64_t frames);

    /// Whose lists the page is on.
    [[nodiscard]] LruVec vec_of(Pfn frame) const;
    /// So many pages of the zone, charged to the group of this number, are active from now on: fewer where
    /// negative.
    void move_to_active(const Zone& zone, std::uint16_t group, LruKind kind, std::int64_t pages);

    /// The oldest page; FrameList::none where the list is empty.
    [[nodiscard]] std::uint32_t oldest(LruVec vec, LruList list) const;
    [[nodiscard]] std::uint32_t oldest(NodeId node, LruList list) const { return oldest(LruVec{node}, list); }
    /// Pages, the youngest first.
    [[nodiscard]] std::vector<Pfn> pages(LruVec vec, LruList list) const;
    [[nodiscard]] std::vector<Pfn> pages(NodeId node, LruList list) const {
        return pages(LruVec{node}, list);
    }
    /// Totals.
    [[nodiscard]] std::uint64_t size(NodeId node, LruList list) const { return size(LruVec{node}, list); }
    [[nodiscard]] std::uint64_t size(LruVec vec, LruList list) const;
    [[nodiscard]] std::uint64_t size(const Zone& zone, LruList list) const;
    /// Of pages in the zone that are charged to the group of this number; 0: to none.
    [[nodiscard]] std::uint64_t own_size(const Zone& zone, std::uint16_t group, LruList list) const {
        const std::size_t at = sizes_at(zone, group);
        return at < m_sizes.size() ? m_sizes[at][static_cast<std::size_t>(list)] : 0;
    }

private:
    [[nodiscard]] std::size_t lists_at(LruVec vec) const;
    [[nodiscard]] std::size_t sizes_at(const Zone& zone, std::uint16_t group) const {
        return group * m_allocator.zones().size() + zone.index;
    }
    [[nodiscard]] FrameList& of(LruVec vec, LruList list);
    void add(Pfn frame, LruGenerations::End end);
    void count(const Zone& zone, std::uint16_t group, std::uint16_t flags, std::int64_t pages);
    void count(const Zone& zone, Pfn frame, int sign);
    [[nodiscard]] bool is_linked(const FrameList& pages, std::uint32_t frame) const;

    PageAllocator& m_allocator;
    KernelCounters& m_counters;
    const MemoryCgroups* m_groups;
    std::unique_ptr<LruGenerations> m_generations;                  // null: active and inactive lists
    std::vector<std::array<FrameList, lru_list_count>> m_lists;     // by group and node
    std::vector<std::array<std::uint64_t, lru_list_count>> m_sizes; // by group and zone
};

} // namespace pagewalk::os
