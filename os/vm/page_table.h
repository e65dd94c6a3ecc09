#pragma once

#include "contract/page_table.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"
#include "os/vm/address_space.h"

#include <algorithm>
#include <cstdint>

namespace pagewalk::os {

/// Marks an entry whose page may not be accessed at all: not present, but not empty (_PAGE_PROTNONE).
inline constexpr std::uint64_t protection_none = PageTableEntry::Global;

/// A level-1 entry and where it lies.
struct PteSlot {
    PageTableEntry* entry = nullptr;
    Pfn table = no_pfn;
    std::size_t index = 0;

    explicit operator bool() const { return entry != nullptr; }
    [[nodiscard]] PhysAddr address() const { return address_of(table) + index * sizeof(PageTableEntry); }
};

/// The user half of page tables: radix tables in frames of the page allocator, whose entries the page walker
/// reads.
class PageTables {
public:
    PageTables(PageTableMemory& memory, FrameAllocator& frames, KernelCounters& counters, unsigned levels)
        : m_memory(memory), m_frames(frames), m_counters(counters), m_levels(levels) {}

    /// A top-level table with the kernel's half filled in. Two frames, as with page-table isolation compiled
    /// in. False when no memory is left.
    [[nodiscard]] bool create_root(Operation& op, AddressSpace& space);
    void destroy_root(Operation& op, AddressSpace& space);

    /// The entry for `address`; empty where a table is missing.
    [[nodiscard]] PteSlot find(AddressSpace& space, VirtAddr address);
    /// The same, adding the tables that are missing. Empty when no memory is left.
    [[nodiscard]] PteSlot get(Operation& op, AddressSpace& space, VirtAddr address);

    /// Adds the tables that are missing but the last. False when no memory is left.
    [[nodiscard]] bool add_upper(Operation& op, AddressSpace& space, VirtAddr address);
    /// The table of this level that serves `address`; no_pfn where there is none.
    [[nodiscard]] Pfn table_at(const AddressSpace& space, VirtAddr address, unsigned level);
    /// Calls visit(start of its 2 MiB) for each level-1 table of [start, end).
    template <class Visit>
    void for_each_leaf_table(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit) {
        for (VirtAddr at = start; at < end;) {
            const VirtAddr block = VirtAddr(at.value() & ~(level_span(2) - 1));
            unsigned absent = 2;
            const Pfn table = leaf_table(space, at, absent);
            if (table != no_pfn) visit(block);
            const std::uint64_t span = table != no_pfn ? level_span(2) : level_span(absent);
            at = VirtAddr((at.value() & ~(span - 1)) + span);
        }
    }
    /// move_normal_pmd: a whole level-1 table serves other 2 MiB from now on. False where that is not
    /// possible: there is one already, or none to be moved, or no memory is left.
    [[nodiscard]] bool move_leaf_table(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to);

    /// Puts a frame into the place of a table that a new address space lacks.
    void adopt_root(Operation& op, AddressSpace& space, Pfn frame);
    void adopt_table(AddressSpace& space, VirtAddr address, unsigned level, Pfn frame);

    /// Calls visit(address, PteSlot) for each entry of [start, end) that is not empty, skipping absent
    /// tables.
    template <class Visit>
    void for_each(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit) {
        for (VirtAddr at = start; at < end;) {
            const VirtAddr block = VirtAddr(at.value() & ~(level_span(2) - 1));
            const VirtAddr stop = std::min(end, block + level_span(2));
            unsigned absent = 0;
            const Pfn table = leaf_table(space, at, absent);
            if (table == no_pfn) {
                at = VirtAddr((at.value() & ~(level_span(absent) - 1)) + level_span(absent));
                continue;
            }
            PageTableMemory::Table& entries = m_memory.table(table);
            for (; at < stop; at += page_size) {
                const std::size_t index = table_index(at, 1);
                if (!entries[index].empty()) visit(at, PteSlot{&entries[index], table, index});
            }
        }
    }

    /// Takes out the tables that lie between `floor` and `ceiling` (0: the end of the address space) and
    /// serve nothing but [start, end). Their frames are appended to `freed`, for the caller to free once the
    /// TLBs are flushed.
    void free_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, VirtAddr floor,
                    VirtAddr ceiling, std::vector<Pfn>& freed);

    /// A frame becomes a table, empty.
    void make_table(Pfn frame);
    /// It is one no more: its contents stay until the path has run.
    void retire_table(Operation& op, Pfn frame);
    /// A path has run: its freed tables can vanish, nobody walks them any more.
    void remove_dead_tables(PathLog& log);

    [[nodiscard]] unsigned levels() const { return m_levels; }
    /// The kernel's own root, whose upper half every new root shares.
    void set_kernel_root(Pfn root) { m_kernel_root = root; }

private:
    /// Where the walk for `at` meets its level-1 table; otherwise no_pfn and the level at which the entry is
    /// missing.
    [[nodiscard]] Pfn leaf_table(AddressSpace& space, VirtAddr at, unsigned& absent_level);
    [[nodiscard]] Pfn add_table(Operation& op, AddressSpace& space, unsigned level);
    [[nodiscard]] bool add_tables(Operation& op, AddressSpace& space, VirtAddr address, unsigned lowest);
    void drop_table(Operation& op, AddressSpace& space, unsigned level, Pfn frame);
    void fill_kernel_half(Pfn root);
    void free_level(Operation& op, AddressSpace& space, Pfn table, unsigned level, VirtAddr start,
                    VirtAddr end, VirtAddr floor, VirtAddr ceiling, std::vector<Pfn>& freed);

    PageTableMemory& m_memory;
    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    unsigned m_levels;
    Pfn m_kernel_root = no_pfn;
    std::vector<Pfn> m_dead; ///< freed tables whose contents are still there
};

} // namespace pagewalk::os
