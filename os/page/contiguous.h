#pragma once

#include "os/page/compaction.h"
#include "os/page/page_allocator.h"

#include <expected>

namespace pagewalk::os {

enum class ContigError : std::uint8_t {
    BadRange,  ///< outside one zone, or empty
    Unmovable, ///< a frame in use or reserved that cannot be moved
    Busy,      ///< could be moved, but was not
    NoMemory,  ///< no range of that length can be cleared
};

/// Allocates ranges longer or otherwise placed than the buddy system's blocks, by isolating their pageblocks
/// and moving what is in them: CMA and gigantic pages. Source: behaviour of Linux 6.1's alloc_contig_range
/// and alloc_contig_pages.
class ContiguousAllocator {
public:
    ContiguousAllocator(PageAllocator& allocator, PageMigrator& migrator)
        : m_allocator(allocator), m_pages(allocator.pages()), m_migrator(migrator) {}

    /// Allocates exactly [begin, end) as single frames. `type` is what its pageblocks are again afterwards:
    /// Movable or Cma.
    [[nodiscard]] std::expected<void, ContigError> allocate_range(Pfn begin, Pfn end, Migratetype type,
                                                                  CpuId cpu);

    /// Allocates `pages` frames aligned to their number, from the request's zones in fallback order.
    [[nodiscard]] std::expected<Pfn, ContigError> allocate(const AllocRequest& request, std::uint64_t pages);

    void free(Pfn begin, std::uint64_t pages, CpuId cpu);

    /// Gives reserved memory to the allocator as CMA: usable for movable requests, allocatable as a range.
    /// Contract: whole pageblocks, reserved until now.
    void release_as_cma(Pfn begin, std::uint64_t pages, CpuId cpu);

private:
    [[nodiscard]] bool isolate_block(Zone& zone, std::uint64_t block, std::uint64_t begin, std::uint64_t end,
                                     Migratetype type, CpuId cpu);
    void restore_block(Zone& zone, std::uint64_t block, Migratetype type, CpuId cpu);
    void restore_blocks(Zone& zone, std::uint64_t begin, std::uint64_t end, Migratetype type, CpuId cpu);
    void split_across(Zone& zone, std::uint64_t boundary, CpuId cpu);
    [[nodiscard]] bool has_unmovable(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                     Migratetype type) const;
    [[nodiscard]] bool move_pages(std::uint64_t begin, std::uint64_t end, CpuId cpu);
    [[nodiscard]] bool all_free(std::uint64_t begin, std::uint64_t end) const;

    PageAllocator& m_allocator;
    PageMap& m_pages;
    PageMigrator& m_migrator;
};

} // namespace pagewalk::os
