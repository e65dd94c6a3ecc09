#include "os/vmalloc/vmalloc_tree.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr VirtAddr aligned_up(VirtAddr address, std::uint64_t align) {
    return VirtAddr((address.value() + align - 1) & ~(align - 1));
}

/// Black nodes from here to any leaf; -1 where that differs, a red node has a red child, or a link or size
/// is wrong.
int black_height(const VmapArea* area, const VmapArea* parent) {
    if (area == nullptr) return 0;
    if (area->parent != parent) return -1;
    const int left = black_height(area->left, area);
    const int right = black_height(area->right, area);
    if (left < 0 || left != right) return -1;
    const auto red = [](const VmapArea* child) { return child != nullptr && child->red; };
    if (area->red && (red(area->left) || red(area->right))) return -1;
    std::uint64_t largest = area->size();
    for (const VmapArea* child : {area->left, area->right})
        if (child != nullptr) largest = std::max(largest, child->largest);
    if (largest != area->largest) return -1;
    return left + (area->red ? 0 : 1);
}

} // namespace

std::uint64_t VmapTree::computed(const VmapArea& area) {
    return std::max({area.size(), largest(area.left), largest(area.right)});
}

bool VmapTree::fits(const VmapArea& area, std::uint64_t size, std::uint64_t align, VirtAddr from) {
    const VirtAddr start = aligned_up(std::max(area.start, from), align);
    // Rounding up or adding the size may wrap around at the end of the address space.
    if (start < from || start.value() + size < start.value()) return false;
    return start + size <= area.end;
}

VmapTree::Place VmapTree::place_for(VirtAddr start, VirtAddr end) {
    Place place{nullptr, &m_root, nullptr, nullptr};
    while (*place.link != nullptr) {
        place.parent = *place.link;
        visit(*place.parent);
        if (end <= place.parent->start) {
            place.next = place.parent;
            place.link = &place.parent->left;
        } else {
            PAGEWALK_INVARIANT(start >= place.parent->end);
            place.prev = place.parent;
            place.link = &place.parent->right;
        }
    }
    return place;
}

void VmapTree::insert(VmapArea& area, const Place& place) {
    area.parent = place.parent;
    area.left = area.right = nullptr;
    area.red = true;
    area.largest = area.size();
    *place.link = &area;
    area.list_prev = place.prev;
    area.list_next = place.next;
    (place.prev != nullptr ? place.prev->list_next : m_first) = &area;
    (place.next != nullptr ? place.next->list_prev : m_last) = &area;
    ++m_size;
    m_trace.write_area(area.object);
    propagate(place.parent);
    rebalance_inserted(&area);
}

void VmapTree::erase(VmapArea& area) {
    (area.list_prev != nullptr ? area.list_prev->list_next : m_first) = area.list_next;
    (area.list_next != nullptr ? area.list_next->list_prev : m_last) = area.list_prev;
    --m_size;
    m_trace.write_area(area.object);

    VmapArea* hole = nullptr;   // what moves up into the gap
    VmapArea* parent = nullptr; // above the gap
    bool lost_black = false;
    if (area.left != nullptr && area.right != nullptr) {
        VmapArea* heir = area.right; // the next by address takes the place
        while (heir->left != nullptr) heir = heir->left;
        lost_black = !heir->red;
        hole = heir->right;
        if (heir->parent == &area) {
            parent = heir;
        } else {
            parent = heir->parent;
            parent->left = hole;
            if (hole != nullptr) hole->parent = parent;
            heir->right = area.right;
            heir->right->parent = heir;
        }
        heir->left = area.left;
        heir->left->parent = heir;
        heir->red = area.red;
        replace_child(area.parent, &area, heir);
        heir->parent = area.parent;
        heir->largest = computed(*heir);
    } else {
        hole = area.left != nullptr ? area.left : area.right;
        parent = area.parent;
        lost_black = !area.red;
        replace_child(parent, &area, hole);
        if (hole != nullptr) hole->parent = parent;
    }
    for (VmapArea* at = parent; at != nullptr; at = at->parent) at->largest = computed(*at);
    if (lost_black) rebalance_erased(parent, hole);
    area.parent = area.left = area.right = area.list_prev = area.list_next = nullptr;
}

void VmapTree::resized(VmapArea& area) {
    m_trace.write_area(area.object);
    propagate(&area);
}

void VmapTree::clear() {
    m_root = m_first = m_last = nullptr;
    m_size = 0;
}

void VmapTree::propagate(VmapArea* area) {
    for (; area != nullptr; area = area->parent) {
        const std::uint64_t size = computed(*area);
        if (size == area->largest) return;
        area->largest = size;
    }
}

void VmapTree::replace_child(VmapArea* parent, const VmapArea* old, VmapArea* fresh) {
    if (parent == nullptr)
        m_root = fresh;
    else
        (parent->left == old ? parent->left : parent->right) = fresh;
}

void VmapTree::rotate_left(VmapArea& top) {
    VmapArea& up = *top.right;
    top.right = up.left;
    if (top.right != nullptr) top.right->parent = &top;
    replace_child(top.parent, &top, &up);
    up.parent = top.parent;
    up.left = &top;
    top.parent = &up;
    up.largest = top.largest;
    top.largest = computed(top);
}

void VmapTree::rotate_right(VmapArea& top) {
    VmapArea& up = *top.left;
    top.left = up.right;
    if (top.left != nullptr) top.left->parent = &top;
    replace_child(top.parent, &top, &up);
    up.parent = top.parent;
    up.right = &top;
    top.parent = &up;
    up.largest = top.largest;
    top.largest = computed(top);
}

void VmapTree::rebalance_inserted(VmapArea* area) {
    while (is_red(area->parent)) {
        VmapArea* parent = area->parent;
        VmapArea* grand = parent->parent; // there is one: a root is black
        const bool on_left = grand->left == parent;
        VmapArea* uncle = on_left ? grand->right : grand->left;
        if (is_red(uncle)) {
            parent->red = uncle->red = false;
            grand->red = true;
            area = grand;
            continue;
        }
        if (on_left && parent->right == area) {
            rotate_left(*parent);
            parent = area;
        } else if (!on_left && parent->left == area) {
            rotate_right(*parent);
            parent = area;
        }
        parent->red = false;
        grand->red = true;
        if (on_left)
            rotate_right(*grand);
        else
            rotate_left(*grand);
        break;
    }
    m_root->red = false;
}

void VmapTree::rebalance_erased(VmapArea* parent, VmapArea* hole) {
    while (parent != nullptr && !is_red(hole)) {
        const bool on_left = parent->left == hole;
        VmapArea* sibling = on_left ? parent->right : parent->left;
        if (sibling->red) {
            sibling->red = false;
            parent->red = true;
            if (on_left)
                rotate_left(*parent);
            else
                rotate_right(*parent);
            sibling = on_left ? parent->right : parent->left;
        }
        VmapArea* near = on_left ? sibling->left : sibling->right;
        VmapArea* far = on_left ? sibling->right : sibling->left;
        if (!is_red(near) && !is_red(far)) {
            sibling->red = true;
            hole = parent;
            parent = parent->parent;
            continue;
        }
        if (!is_red(far)) {
            near->red = false;
            sibling->red = true;
            if (on_left)
                rotate_right(*sibling);
            else
                rotate_left(*sibling);
            far = sibling;
            sibling = near;
        }
        sibling->red = parent->red;
        parent->red = false;
        far->red = false;
        if (on_left)
            rotate_left(*parent);
        else
            rotate_right(*parent);
        return;
    }
    if (hole != nullptr) hole->red = false;
}

VmapArea* VmapTree::find(VirtAddr address) {
    VmapArea* at = m_root;
    while (at != nullptr) {
        visit(*at);
        if (address < at->start)
            at = at->left;
        else if (address >= at->end)
            at = at->right;
        else
            break;
    }
    return at;
}

VmapArea* VmapTree::find_below(VirtAddr address) {
    VmapArea* found = nullptr;
    for (VmapArea* at = m_root; at != nullptr;) {
        visit(*at);
        if (at->start <= address) {
            found = at;
            if (at->end >= address) break;
            at = at->right;
        } else {
            at = at->left;
        }
    }
    return found;
}

VmapArea* VmapTree::lowest_fit(std::uint64_t size, std::uint64_t align, VirtAddr from,
                               std::uint64_t searched) {
    VmapArea* at = m_root;
    while (at != nullptr) {
        visit(*at);
        if (from < at->start && largest(at->left) >= searched) {
            at = at->left;
            continue;
        }
        if (fits(*at, size, align, from)) return at;
        if (largest(at->right) >= searched) {
            at = at->right;
            continue;
        }
        // A promising subtree disappointed, because it lies below `from` or alignment ate its room: back to
        // the nearest node above that fits, or whose right side has not been searched.
        for (at = at->parent; at != nullptr; at = at->parent) {
            visit(*at);
            if (fits(*at, size, align, from)) return at;
            if (from <= at->start && largest(at->right) >= searched) {
                from = at->start + 1; // not to be entered again
                at = at->right;
                break;
            }
        }
    }
    return nullptr;
}

bool VmapTree::is_sound() const {
    if (m_root != nullptr && m_root->red) return false;
    if (black_height(m_root, nullptr) < 0) return false;
    std::size_t n = 0;
    const VmapArea* before = nullptr;
    for (const VmapArea* at = m_first; at != nullptr; before = at, at = at->list_next, ++n) {
        if (at->list_prev != before || at->start >= at->end) return false;
        if (before != nullptr && before->end > at->start) return false;
    }
    return n == m_size && before == m_last;
}

} // namespace pagewalk::os
