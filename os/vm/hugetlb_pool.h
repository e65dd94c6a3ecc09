#pragma once

#include "base/ids.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/vm/hugetlb_config.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pagewalk::os {

class ContiguousAllocator;

/// Sizes of hugetlbfs pages.
enum class HugetlbSize : std::uint8_t { Page2M, Page1G };
inline constexpr std::size_t hugetlb_size_count = 2;
/// Level of the page-table entry that maps one.
[[nodiscard]] constexpr unsigned level_of(HugetlbSize size) { return size == HugetlbSize::Page2M ? 2 : 3; }
[[nodiscard]] constexpr std::uint64_t bytes_of(HugetlbSize size) {
    return page_size << 9 * (level_of(size) - 1);
}
[[nodiscard]] constexpr std::uint64_t frames_of(HugetlbSize size) { return bytes_of(size) >> page_shift; }

/// The pages of one size that hugetlbfs has (struct hstate): free ones by node, how many are promised to
/// mappings, and how many are beyond what the pool was given. Source: Linux 6.1, hugetlbfs_reserv.rst.
class HugetlbPool {
public:
    struct Counts {
        std::uint64_t total = 0, free = 0, surplus = 0;
    };
    HugetlbPool(HugetlbSize size, std::size_t nodes) : m_size(size), m_free(nodes), m_nodes(nodes) {}

    [[nodiscard]] HugetlbSize size() const { return m_size; }
    [[nodiscard]] Counts counts() const;
    [[nodiscard]] const Counts& counts(NodeId node) const { return m_nodes[index_of(node)]; }
    [[nodiscard]] std::uint64_t reserved() const { return m_reserved; }
    [[nodiscard]] std::uint64_t overcommit() const { return m_overcommit; }
    void set_overcommit(std::uint64_t pages) { m_overcommit = pages; }

private:
    friend class HugetlbPools;

    HugetlbSize m_size;
    std::vector<std::vector<Pfn>> m_free; ///< by node; the last is taken first
    std::vector<Counts> m_nodes;
    std::uint64_t m_reserved = 0;
    std::uint64_t m_overcommit = 0;
};

/// The pools of both sizes, and the pages that are in use.
class HugetlbPools {
public:
    HugetlbPools(FrameAllocator& frames, KernelCounters& counters);

    /// Fills the pools. Throws ConfigError where memory has no room for what `config` asks for.
    void boot(Operation& op, const HugetlbConfig& config, ContiguousAllocator& contiguous);

    [[nodiscard]] HugetlbPool& pool(HugetlbSize size) { return m_pools[static_cast<std::size_t>(size)]; }
    [[nodiscard]] const HugetlbPool& pool(HugetlbSize size) const {
        return m_pools[static_cast<std::size_t>(size)];
    }
    /// Of a page that is in use.
    [[nodiscard]] HugetlbSize size_of(Pfn head) const {
        return m_gigantic.contains(head.value()) ? HugetlbSize::Page1G : HugetlbSize::Page2M;
    }

    /// hugetlb_acct_memory: promises pages to a mapping, with surplus pages where the free ones do not do.
    /// False where there are not enough.
    [[nodiscard]] bool reserve(Operation& op, HugetlbSize size, std::uint64_t pages);
    void unreserve(Operation& op, HugetlbSize size, std::uint64_t pages);

    enum class Promise : bool { None, Kept }; ///< Kept: the page was reserved
    /// alloc_huge_page: a page with one reference, from where the operation's policy says; no_pfn where none
    /// is free that is not promised to others.
    [[nodiscard]] Pfn take(Operation& op, HugetlbSize size, Promise promise, std::uint64_t index);
    /// Drops a reference; with the last the page goes back to its pool (free_huge_page).
    void put(Operation& op, Pfn head);
    void get(Pfn head) { ++m_frames.pages().at(head).refcount; }

private:
    void add(HugetlbPool& pool, Pfn head);
    void fill(Operation& op, HugetlbPool& pool, const HugetlbPages& pages, ContiguousAllocator& contiguous,
              std::string_view key, std::string_view text);
    [[nodiscard]] Pfn new_page(Operation& op, HugetlbSize size, NodeId node, ContiguousAllocator& contiguous);
    [[nodiscard]] bool gather_surplus(Operation& op, HugetlbPool& pool, std::uint64_t needed);
    [[nodiscard]] Pfn new_surplus(Operation& op, HugetlbPool& pool);
    void drop_surplus(Operation& op, HugetlbPool& pool, std::uint64_t pages);
    void release(Operation& op, HugetlbPool& pool, Pfn head);
    [[nodiscard]] Pfn dequeue(Operation& op, HugetlbPool& pool, std::uint64_t index);
    [[nodiscard]] NodeId node_of(Pfn head) { return m_frames.allocator().zone_of(head)->node; }

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    std::array<HugetlbPool, hugetlb_size_count> m_pools;
    std::unordered_set<std::uint64_t> m_gigantic; ///< first frames of the pages of 1 GiB
};

} // namespace pagewalk::os
