#pragma once

#include "os/page/page_allocator.h"
#include "os/path/lru_list.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

class LruLists;

/// The multi-generational LRU (struct lru_gen_struct): evictable pages by how long ago they were seen in use,
/// those of a zone and of either kind on one list per generation. Generations have ever growing numbers; the
/// youngest is the same for both kinds, the oldest each kind's own. A page that is seen in use belongs to the
/// youngest at once, but stays on its list until somebody sorts it. PG_active is set only while a page is on
/// no list. Source: behaviour of mm/vmscan.c and include/linux/mm_inline.h of Linux 6.1.
class LruGenerations {
public:
    static constexpr unsigned most = 4;      ///< MAX_NR_GENS
    static constexpr unsigned least = 2;     ///< MIN_NR_GENS: so many are never reclaimed
    static constexpr unsigned most_uses = 3; ///< that are counted beside the page's two flags
    static constexpr unsigned none = most;   ///< the generation of a page that is on no list

    /// The numbers of a node's or a memory cgroup's generations.
    struct Ages {
        std::uint64_t youngest = least + 1;                 ///< max_seq
        std::array<std::uint64_t, lru_kind_count> oldest{}; ///< min_seq, by LruKind

        [[nodiscard]] std::uint64_t oldest_of(LruKind kind) const {
            return oldest[static_cast<std::size_t>(kind)];
        }
        [[nodiscard]] std::uint64_t count(LruKind kind) const { return youngest - oldest_of(kind) + 1; }
        /// lru_gen_is_active, of a generation modulo `most`.
        [[nodiscard]] bool is_active(unsigned generation) const {
            return generation == youngest % most || generation == (youngest - 1) % most;
        }
    };

    LruGenerations(PageAllocator& allocator, LruLists& lists) : m_allocator(allocator), m_lists(lists) {}

    [[nodiscard]] const Ages& ages(LruVec vec) { return ages_at(vec); }

    enum class End : bool { Young, Old };
    /// lru_gen_add_folio: an active page comes into the youngest generation, one that may go at once into the
    /// oldest, other anonymous ones and those that are being written into the next.
    void add(LruVec vec, Pfn frame, End end);
    enum class Purpose : bool { Reclaim, Other };
    /// lru_gen_del_folio. One that is not to be reclaimed has PG_active if it was young.
    void remove(LruVec vec, Pfn frame, Purpose purpose);
    /// The frames of a huge page that is on a list, which have become pages with its flags, take places
    /// beside the first, each younger than the one before.
    void split(LruVec vec, Pfn head, std::uint32_t frames);

    /// folio_lru_gen: modulo `most`; none.
    [[nodiscard]] unsigned generation(Pfn frame) const;
    /// Does the page belong to one of the two youngest?
    [[nodiscard]] bool is_active(LruVec vec, Pfn frame) {
        const unsigned own = generation(frame);
        return own != none && ages_at(vec).is_active(own);
    }
    /// folio_update_gen: the page, seen in use, belongs to the youngest generation; a page on no list is
    /// marked referenced. Its uses so far count no more.
    void promote(LruVec vec, Pfn frame);
    /// folio_inc_gen: a page of the oldest generation belongs to the next one.
    void pass_on(LruVec vec, Pfn frame);
    /// Puts the page onto the list of the generation that it belongs to.
    void sort(LruVec vec, Pfn frame, End end);
    /// folio_inc_refs: an access by system call.
    void note_access(Pfn frame);
    /// folio_lru_refs: accesses by system calls beyond the first.
    [[nodiscard]] unsigned uses(Pfn frame) const;
    void forget_uses(Pfn frame);

    /// inc_max_seq without its making room: a new generation, empty. Contract: fewer than `most` of each
    /// kind.
    void begin_generation(LruVec vec);
    /// The oldest generation of a kind has come to its end; what is left of it belongs to the next.
    void end_oldest(LruVec vec, LruKind kind);
    /// The same without looking for pages: try_to_inc_min_seq knows that there are none, or does not care.
    void set_oldest(LruVec vec, LruKind kind, std::uint64_t number);
    /// Is the list of this generation empty in all zones?
    [[nodiscard]] bool is_empty(LruVec vec, LruKind kind, std::uint64_t number) const;
    /// The page at the old end of a zone's list; FrameList::none where it is empty.
    [[nodiscard]] std::uint32_t oldest(const Zone& zone, std::uint16_t group, LruKind kind,
                                       std::uint64_t number) const;
    /// Pages that belong to a generation, sorted or not.
    [[nodiscard]] std::uint64_t size(LruVec vec, LruKind kind, std::uint64_t number) const;

private:
    /// Of a frame: 1 + the generation whose list it is on, 1 + that which it belongs to (0: none), uses.
    struct Mark {
        std::uint8_t listed : 3 = 0;
        std::uint8_t belongs : 3 = 0;
        std::uint8_t uses : 2 = 0;
    };
    static_assert(sizeof(Mark) == 1);
    using OfKinds = std::array<FrameList, lru_kind_count>;
    using Sizes = std::array<std::uint64_t, lru_kind_count>;
    struct ZoneLists {
        std::array<OfKinds, most> lists;
        std::array<Sizes, most> sizes{};
    };

    [[nodiscard]] Mark& mark(Pfn frame);
    [[nodiscard]] Mark mark_of(Pfn frame) const {
        return frame.value() < m_marks.size() ? m_marks[static_cast<std::size_t>(frame.value())] : Mark{};
    }
    [[nodiscard]] Ages& ages_at(LruVec vec);
    [[nodiscard]] ZoneLists& at(const Zone& zone, std::uint16_t group);
    [[nodiscard]] const ZoneLists* find(const Zone& zone, std::uint16_t group) const;
    [[nodiscard]] FrameList& list_of(const Zone& zone, LruVec vec, Pfn frame);
    void belong(LruVec vec, Pfn frame, unsigned generation);
    void append(FrameList& list, Pfn frame, End end);
    void cover_new_generation(LruVec vec);
    template <class Visit>
    void for_each_zone(NodeId node, const Visit& visit) const {
        for (const auto& zone : m_allocator.zones())
            if (zone->node == node) visit(*zone);
    }

    PageAllocator& m_allocator;
    LruLists& m_lists;
    std::vector<Mark> m_marks;      // by frame
    std::vector<Ages> m_ages;       // by group and node
    std::vector<ZoneLists> m_zones; // by group and zone
};

} // namespace pagewalk::os
