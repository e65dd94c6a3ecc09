#pragma once

#include "base/address.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// Where the tree's nodes come from and go to: the kernel's radix_tree_node objects.
class PageCacheNodes {
public:
    virtual ~PageCacheNodes() = default;
    [[nodiscard]] virtual VirtAddr allocate() = 0;
    virtual void free(VirtAddr node) = 0;
};

/// What pages are found by, beside their index.
enum class PageTag : std::uint8_t {
    Dirty,
    ToWrite, ///< dirty when a writer began
    Writeback,
};

/// The cached pages of one file, by page index: a tree of 64-slot nodes that grows from the root, as the
/// kernel's xarray does.
class PageCache {
public:
    PageCache() = default;

    /// no_pfn where the page is not cached.
    [[nodiscard]] Pfn find(std::uint64_t index) const {
        if (m_root == nullptr || index >> (bits * m_height) != 0) return no_pfn;
        const Node* node = m_root.get();
        for (unsigned level = m_height; --level != 0;) {
            node = node->children[slot(index, level)].get();
            if (node == nullptr) return no_pfn;
        }
        return node->frames.empty() ? no_pfn : node->frames[slot(index, 0)];
    }
    /// Contract: the page is not cached yet.
    void insert(std::uint64_t index, Pfn frame, PageCacheNodes* nodes = nullptr);
    /// Another frame takes a cached page's place, with its tags.
    void replace(std::uint64_t index, Pfn frame);
    /// Takes a page out. Contract: it is cached.
    void erase(std::uint64_t index, PageCacheNodes* nodes = nullptr);
    /// Kernel address of the page's slot in its node; null where there is no node: a file's only page at
    /// index 0 hangs at the inode.
    [[nodiscard]] VirtAddr place_of(std::uint64_t index) const;
    /// The first cached page at or after `index`: its index, or `none`.
    [[nodiscard]] std::uint64_t next(std::uint64_t index) const;
    [[nodiscard]] std::uint64_t count() const { return m_count; }

    /// Contract: the page is cached.
    void set_tag(std::uint64_t index, PageTag tag);
    void clear_tag(std::uint64_t index, PageTag tag);
    [[nodiscard]] bool has_tag(std::uint64_t index, PageTag tag) const { return next(index, tag) == index; }
    /// The first page at or after `index` that has the tag, or `none`.
    [[nodiscard]] std::uint64_t next(std::uint64_t index, PageTag tag) const;

    static constexpr std::uint64_t none = ~0ULL;

private:
    static constexpr unsigned bits = 6;
    static constexpr std::size_t slots = 1U << bits;
    static constexpr std::size_t tag_count = 3;

    struct Node {
        std::array<std::unique_ptr<Node>, slots> children;
        std::vector<Pfn> frames; ///< of the lowest level
        VirtAddr object{};       ///< the kernel's node
        unsigned used = 0;
        /// By PageTag: the slots that have it, or that lead to a page that has it.
        std::array<std::uint64_t, tag_count> tagged{};
    };
    [[nodiscard]] static std::size_t slot(std::uint64_t index, unsigned level) {
        return static_cast<std::size_t>(index >> (bits * level)) & (slots - 1);
    }
    [[nodiscard]] static std::uint64_t next_in(const Node& node, unsigned level, std::uint64_t base,
                                               std::uint64_t from);
    static std::uint64_t next_tagged(const Node& node, unsigned level, std::uint64_t base, std::uint64_t from,
                                     PageTag tag);
    static void clear_tag_in(Node& node, unsigned level, std::uint64_t index, PageTag tag);
    static bool erase_in(Node& node, unsigned level, std::uint64_t index, PageCacheNodes* nodes);
    static void give_back(const Node& node, PageCacheNodes* nodes);

    std::unique_ptr<Node> m_root;
    unsigned m_height = 0; ///< levels
    std::uint64_t m_count = 0;
};

} // namespace pagewalk::os
