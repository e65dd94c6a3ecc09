#pragma once

#include "base/ids.h"
#include "os/page/page_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/path/memory_cgroup.h"
#include "os/path/page_flags.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// The LRU lists of a node, in the kernel's order.
enum class LruList : std::uint8_t { InactiveAnon, ActiveAnon, InactiveFile, ActiveFile, Unevictable };
inline constexpr std::size_t lru_list_count = 5;

/// The list that a page with these flags (page_flags.h) belongs to.
[[nodiscard]] constexpr LruList lru_list_of(std::uint16_t flags) {
    if ((flags & frame_flags::unevictable) != 0) return LruList::Unevictable;
    const bool active = (flags & frame_flags::active) != 0;
    if ((flags & frame_flags::swapbacked) != 0) return active ? LruList::ActiveAnon : LruList::InactiveAnon;
    return active ? LruList::ActiveFile : LruList::InactiveFile;
}

/// Whose lists: the pages of a node that are charged to a memory cgroup (struct lruvec). Where a total is
/// asked for, group 0 stands for all of the node's pages, otherwise for those that are charged to none.
struct LruVec {
    NodeId node{};
    std::uint16_t group = 0; ///< MemoryCgroup::number
};

/// The LRU lists of all nodes and memory cgroups, linked through the page descriptors, the youngest page
/// first. Unevictable pages are counted but linked nowhere, as in Linux 6.1. PageState::Lru says that a page
/// is on its list; its flags say on which: whoever changes them takes it off first. Pages that a snapshot has
/// marked Lru are on no list. A huge page is linked by its first frame and counts as many pages as it has.
class LruLists {
public:
    /// `groups`: null where there are none.
    LruLists(PageAllocator& allocator, KernelCounters& counters, const MemoryCgroups* groups = nullptr);

    /// lruvec_add_folio: a page comes onto its list as the youngest.
    void add(Pfn frame);
    /// lruvec_add_folio_tail: as the oldest.
    void add_oldest(Pfn frame);
    /// lruvec_del_folio. Contract: PageState::Lru.
    void remove(Pfn frame);
    /// Takes the page off its list, changes its flags, and puts it onto the list that they name.
    void change_flags(Pfn frame, std::uint16_t set, std::uint16_t clear);
    /// The page becomes the oldest of its list. Contract: PageState::Lru.
    void rotate(Pfn frame);
    /// lru_add_page_tail: the frames of a huge page, which have become pages with its flags, take places
    /// beside the first, each younger than the one before. Contract: the first has PageState::Lru.
    void split(Pfn head, std::uint64_t frames);

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
    [[nodiscard]] LruVec vec_of(Pfn frame) const;
    [[nodiscard]] std::size_t lists_at(LruVec vec) const;
    [[nodiscard]] std::size_t sizes_at(const Zone& zone, std::uint16_t group) const {
        return group * m_allocator.zones().size() + zone.index;
    }
    [[nodiscard]] FrameList& of(LruVec vec, LruList list);
    void count(const Zone& zone, Pfn frame, int sign);
    [[nodiscard]] bool is_linked(const FrameList& pages, std::uint32_t frame) const;

    PageAllocator& m_allocator;
    KernelCounters& m_counters;
    const MemoryCgroups* m_groups;
    std::vector<std::array<FrameList, lru_list_count>> m_lists;     // by group and node
    std::vector<std::array<std::uint64_t, lru_list_count>> m_sizes; // by group and zone
};

} // namespace pagewalk::os
