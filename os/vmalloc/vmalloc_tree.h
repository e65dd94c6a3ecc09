#pragma once

#include "os/vmalloc/vmalloc_area.h"
#include "os/vmalloc/vmalloc_trace.h"

#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// Ranges ordered by address in a red-black tree that knows the largest range below each node (Cormen et
/// al., Introduction to Algorithms, chapters 13 and 14). The shape matters: a search for an aligned range
/// prunes by it, so that another balanced tree would find other addresses than Linux. Owns nothing.
class VmapTree {
public:
    explicit VmapTree(VmallocTrace& trace) : m_trace(trace) {}

    /// Where an area would be hung up.
    struct Place {
        VmapArea* parent = nullptr;
        VmapArea** link = nullptr;
        VmapArea* prev = nullptr;
        VmapArea* next = nullptr;
    };
    /// Contract: [start, end) overlaps nothing in the tree.
    [[nodiscard]] Place place_for(VirtAddr start, VirtAddr end);
    void insert(VmapArea& area, const Place& place);
    void insert(VmapArea& area) { insert(area, place_for(area.start, area.end)); }
    void erase(VmapArea& area);
    /// The area's ends have moved (order kept).
    void resized(VmapArea& area);
    /// Forgets everything.
    void clear();

    /// The area that contains `address`; null outside all.
    [[nodiscard]] VmapArea* find(VirtAddr address);
    /// The last area that starts at or below `address`.
    [[nodiscard]] VmapArea* find_below(VirtAddr address);
    /// The area that Linux 6.1 takes for `size` bytes at a multiple of `align` from `from` on: the lowest
    /// that has `searched` bytes, which allow for the alignment, or that happens to fit and lies on the
    /// way. Null when there is none.
    [[nodiscard]] VmapArea* lowest_fit(std::uint64_t size, std::uint64_t align, VirtAddr from,
                                       std::uint64_t searched);

    [[nodiscard]] VmapArea* first() const { return m_first; }
    [[nodiscard]] VmapArea* last() const { return m_last; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] bool empty() const { return m_size == 0; }
    /// Order, colours, links and largest sizes are right. For tests.
    [[nodiscard]] bool is_sound() const;

private:
    static std::uint64_t largest(const VmapArea* area) { return area == nullptr ? 0 : area->largest; }
    static bool is_red(const VmapArea* area) { return area != nullptr && area->red; }
    static std::uint64_t computed(const VmapArea& area);
    static bool fits(const VmapArea& area, std::uint64_t size, std::uint64_t align, VirtAddr from);

    void visit(const VmapArea& area) { m_trace.visit_area(area.object); }
    void propagate(VmapArea* area);
    void replace_child(VmapArea* parent, const VmapArea* old, VmapArea* fresh);
    void rotate_left(VmapArea& top);
    void rotate_right(VmapArea& top);
    void rebalance_inserted(VmapArea* area);
    void rebalance_erased(VmapArea* parent, VmapArea* hole);

    VmallocTrace& m_trace;
    VmapArea* m_root = nullptr;
    VmapArea* m_first = nullptr;
    VmapArea* m_last = nullptr;
    std::size_t m_size = 0;
};

} // namespace pagewalk::os
