#include "os/file/page_cache.h"

#include "base/error.h"

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

std::uint64_t PageCache::next(std::uint64_t index) const {
    if (m_root == nullptr || index >> (bits * m_height) != 0) return none;
    return next_in(*m_root, m_height - 1, 0, index);
}

} // namespace pagewalk::os
