#include "os/file/page_cache.h"

#include "base/error.h"

#include <bit>

namespace pagewalk::os {

void PageCache::give_back(const Node& node, PageCacheNodes* nodes) {
    if (nodes != nullptr && node.object != VirtAddr{}) nodes->free(node.object);
}

void PageCache::insert(std::uint64_t index, Pfn frame, PageCacheNodes* nodes) {
    const auto give_node = [nodes](Node& node) {
        if (nodes != nullptr && node.object == VirtAddr{}) node.object = nodes->allocate();
    };
    if (m_root == nullptr) {
        m_root = std::make_unique<Node>();
        m_height = 1;
    }
    while (index >> (bits * m_height) != 0) {
        auto root = std::make_unique<Node>();
        if (m_count != 0) {
            give_node(*m_root);
            for (std::size_t tag = 0; tag < tag_count; ++tag)
                root->tagged[tag] = m_root->tagged[tag] != 0 ? 1 : 0;
            root->children[0] = std::move(m_root);
            root->used = 1;
        }
        m_root = std::move(root);
        ++m_height;
    }
    if (index != 0) give_node(*m_root); // a page at index 0 alone needs none
    Node* node = m_root.get();
    for (unsigned level = m_height; --level != 0;) {
        auto& child = node->children[slot(index, level)];
        if (child == nullptr) {
            child = std::make_unique<Node>();
            give_node(*child);
            ++node->used;
        }
        node = child.get();
    }
    if (node->frames.empty()) node->frames.assign(slots, no_pfn);
    Pfn& place = node->frames[slot(index, 0)];
    PAGEWALK_INVARIANT(place == no_pfn);
    place = frame;
    ++node->used;
    ++m_count;
}

VirtAddr PageCache::place_of(std::uint64_t index) const {
    if (m_root == nullptr || index >> (bits * m_height) != 0) return {};
    const Node* node = m_root.get();
    for (unsigned level = m_height; --level != 0;) {
        node = node->children[slot(index, level)].get();
        if (node == nullptr) return {};
    }
    // Behind the node's header. Source: struct xa_node of Linux 6.1
    constexpr std::uint64_t slots_at = 40;
    return node->object == VirtAddr{} ? VirtAddr{} : node->object + slots_at + slot(index, 0) * sizeof(void*);
}

bool PageCache::erase_in(Node& node, unsigned level, std::uint64_t index, PageCacheNodes* nodes) {
    const std::size_t at = slot(index, level);
    if (level == 0) {
        PAGEWALK_INVARIANT(!node.frames.empty() && node.frames[at] != no_pfn);
        node.frames[at] = no_pfn;
        return --node.used == 0;
    }
    auto& child = node.children[at];
    PAGEWALK_INVARIANT(child != nullptr);
    if (!erase_in(*child, level - 1, index, nodes)) return false;
    give_back(*child, nodes);
    child.reset();
    return --node.used == 0;
}

void PageCache::erase(std::uint64_t index, PageCacheNodes* nodes) {
    PAGEWALK_INVARIANT(m_root != nullptr && index >> (bits * m_height) == 0);
    for (std::size_t tag = 0; tag < tag_count; ++tag) clear_tag(index, static_cast<PageTag>(tag));
    if (erase_in(*m_root, m_height - 1, index, nodes)) {
        give_back(*m_root, nodes);
        m_root.reset();
        m_height = 0;
    }
    --m_count;
}

std::uint64_t PageCache::next_in(const Node& node, unsigned level, std::uint64_t base, std::uint64_t from) {
    const std::uint64_t span = 1ULL << (bits * level);
    for (std::size_t at = from <= base ? 0 : static_cast<std::size_t>((from - base) / span); at < slots;
         ++at) {
        const std::uint64_t start = base + at * span;
        if (level == 0) {
            if (!node.frames.empty() && node.frames[at] != no_pfn) return start;
        } else if (node.children[at] != nullptr) {
            const std::uint64_t found = next_in(*node.children[at], level - 1, start, from);
            if (found != none) return found;
        }
    }
    return none;
}

void PageCache::replace(std::uint64_t index, Pfn frame) {
    Node* node = m_root.get();
    for (unsigned level = m_height; --level != 0;) node = node->children[slot(index, level)].get();
    PAGEWALK_INVARIANT(node->frames[slot(index, 0)] != no_pfn);
    node->frames[slot(index, 0)] = frame;
}

void PageCache::set_tag(std::uint64_t index, PageTag tag) {
    PAGEWALK_INVARIANT(find(index) != no_pfn);
    Node* node = m_root.get();
    for (unsigned level = m_height; level-- != 0;) {
        node->tagged[static_cast<std::size_t>(tag)] |= 1ULL << slot(index, level);
        if (level != 0) node = node->children[slot(index, level)].get();
    }
}

void PageCache::clear_tag_in(Node& node, unsigned level, std::uint64_t index, PageTag tag) {
    const std::size_t at = slot(index, level);
    std::uint64_t& tagged = node.tagged[static_cast<std::size_t>(tag)];
    if ((tagged >> at & 1) == 0) return;
    if (level != 0) {
        Node& child = *node.children[at];
        clear_tag_in(child, level - 1, index, tag);
        if (child.tagged[static_cast<std::size_t>(tag)] != 0) return;
    }
    tagged &= ~(1ULL << at);
}

void PageCache::clear_tag(std::uint64_t index, PageTag tag) {
    if (m_root != nullptr && index >> (bits * m_height) == 0) clear_tag_in(*m_root, m_height - 1, index, tag);
}

std::uint64_t PageCache::next_tagged(const Node& node, unsigned level, std::uint64_t base, std::uint64_t from,
                                     PageTag tag) {
    const std::uint64_t span = 1ULL << (bits * level);
    const std::uint64_t first = from <= base ? 0 : (from - base) / span;
    if (first >= slots) return none;
    std::uint64_t left = node.tagged[static_cast<std::size_t>(tag)] >> first << first;
    for (; left != 0; left &= left - 1) {
        const auto at = static_cast<std::size_t>(std::countr_zero(left));
        const std::uint64_t start = base + at * span;
        if (level == 0) return start;
        const std::uint64_t found = next_tagged(*node.children[at], level - 1, start, from, tag);
        if (found != none) return found;
    }
    return none;
}

std::uint64_t PageCache::next(std::uint64_t index, PageTag tag) const {
    if (m_root == nullptr || index >> (bits * m_height) != 0) return none;
    return next_tagged(*m_root, m_height - 1, 0, index, tag);
}

std::uint64_t PageCache::next(std::uint64_t index) const {
    if (m_root == nullptr || index >> (bits * m_height) != 0) return none;
    return next_in(*m_root, m_height - 1, 0, index);
}

} // namespace pagewalk::os
