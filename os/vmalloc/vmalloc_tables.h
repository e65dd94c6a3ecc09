#pragma once

#include "base/ids.h"
#include "contract/page_table.h"
#include "os/vmalloc/vmalloc_sources.h"
#include "os/vmalloc/vmalloc_trace.h"

#include <cstdint>
#include <optional>
#include <span>

namespace pagewalk::os {

/// Protections of kernel mappings, as bits of a leaf entry. Source: Intel SDM vol. 3A, 4.5.
namespace kernel_protection {
inline constexpr std::uint64_t executable = PageTableEntry::Present | PageTableEntry::Writable |
                                            PageTableEntry::Accessed | PageTableEntry::Dirty |
                                            PageTableEntry::Global;           ///< PAGE_KERNEL_EXEC
inline constexpr std::uint64_t data = executable | PageTableEntry::NoExecute; ///< PAGE_KERNEL
inline constexpr std::uint64_t uncached = data | 1ULL << 4;                   ///< PCD: ioremap
inline constexpr std::uint64_t read_only = data & ~std::uint64_t{PageTableEntry::Writable};
} // namespace kernel_protection

enum class MapResult : bool { NoMemory, Mapped };

/// The vmalloc and module ranges of the kernel's page tables. Tables stay when what they mapped is gone;
/// only a 2 MiB or 1 GiB entry that takes a table's place frees it.
class VmallocTables {
public:
    VmallocTables(PageTableMemory& memory, VmallocPages& pages, Pfn root, unsigned levels,
                  VmallocTrace& trace)
        : m_memory(memory), m_pages(pages), m_root(root), m_levels(levels), m_trace(trace) {}

    /// Boot: fills the top level over [start, limit], so that every address space, which copies these
    /// entries, sees what is mapped later.
    [[nodiscard]] MapResult preallocate(VirtAddr start, VirtAddr limit, CpuId cpu);

    /// Maps `frames` from `start` on. Contract: nothing is mapped there. `page_order` 9: the frames come in
    /// aligned blocks of 512, which are mapped with one entry each. On NoMemory what was mapped so far
    /// stays.
    [[nodiscard]] MapResult map_pages(VirtAddr start, std::span<const Pfn> frames, std::uint64_t protection,
                                      unsigned page_order, CpuId cpu);
    /// Maps physical memory in a row, with entries of up to `largest_level` (1: 4 KiB, 2: 2 MiB, 3: 1 GiB)
    /// where alignment and length allow.
    [[nodiscard]] MapResult map_range(VirtAddr start, VirtAddr end, PhysAddr physical,
                                      std::uint64_t protection, unsigned largest_level, CpuId cpu);
    /// Clears what is mapped in [start, end). The caller flushes the TLBs.
    void unmap(VirtAddr start, VirtAddr end);

    /// vmalloc_to_page: the frame behind `address`; none where nothing is mapped.
    [[nodiscard]] std::optional<Pfn> frame_at(VirtAddr address) const;
    /// Level of the entry that maps `address`: 1, 2 or 3; 0 where nothing is mapped.
    [[nodiscard]] unsigned level_at(VirtAddr address) const;
    /// Page tables added, less those freed.
    [[nodiscard]] std::uint64_t tables() const { return m_tables; }

private:
    struct Leaf {
        PageTableEntry entry;
        unsigned level = 0;
    };
    struct Mapping {
        std::uint64_t protection = 0;
        CpuId cpu{};
        unsigned largest_level = 1;
        PhysAddr physical{};           ///< of the next page, where `frames` is empty
        std::span<const Pfn> frames{}; ///< still to be mapped
    };

    [[nodiscard]] Leaf leaf_at(VirtAddr address) const;
    [[nodiscard]] MapResult map_level(Pfn table, unsigned level, VirtAddr start, VirtAddr end,
                                      Mapping& mapping);
    [[nodiscard]] bool map_large(Pfn table, unsigned level, VirtAddr at, VirtAddr next,
                                 const Mapping& mapping);
    [[nodiscard]] bool free_tables_below(Pfn table, std::size_t index, unsigned level, VirtAddr at,
                                         CpuId cpu);
    void unmap_level(Pfn table, unsigned level, VirtAddr start, VirtAddr end);
    [[nodiscard]] std::optional<Pfn> add_table(CpuId cpu);
    /// The table that an entry leads to, made where there is none; none without memory.
    [[nodiscard]] std::optional<Pfn> table_below(Pfn table, std::size_t index, CpuId cpu);
    void drop_table(Pfn frame, CpuId cpu);
    void write(Pfn table, std::size_t index, PageTableEntry entry);
    [[nodiscard]] PageTableEntry& entry(Pfn table, std::size_t index) const {
        return m_memory.table(table)[index];
    }

    PageTableMemory& m_memory;
    VmallocPages& m_pages;
    Pfn m_root;
    unsigned m_levels;
    VmallocTrace& m_trace;
    std::uint64_t m_tables = 0;
};

} // namespace pagewalk::os
