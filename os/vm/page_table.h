#pragma once

#include "contract/page_table.h"
#include "contract/page_tables/page_table_formats.h"
#include "contract/table_replicas.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"
#include "os/vm/address_space.h"
#include "os/vm/deposited_tables.h"
#include "os/vm/page_table_placement.h"
#include "os/vm/swap_entry.h"

#include <algorithm>
#include <cstdint>
#include <expected>

namespace pagewalk::os {

/// Marks an entry whose page may not be accessed at all: not present, but not empty (_PAGE_PROTNONE).
inline constexpr std::uint64_t protection_none = PageTableEntry::Global;
/// Beside it: not for its area's rights, but to see who touches the page. Linux tells the two by the area.
inline constexpr std::uint64_t numa_hint = 1ULL << 10;

/// Does the entry map a page, accessible or only marked?
[[nodiscard]] constexpr bool is_mapped(PageTableEntry entry) {
    return entry.present() || (entry.raw() & numa_hint) != 0;
}

/// An entry of level 1, or of level 2 where it is a huge page's or may become one's, and where it lies.
struct PteSlot {
    PageTableEntry* entry = nullptr;
    Pfn table = no_pfn;
    std::size_t index = 0;
    unsigned level = 1;

    explicit operator bool() const { return entry != nullptr; }
    [[nodiscard]] bool huge() const { return level >= 2; }
    /// The 4 KiB frame that the entry, which maps something, gives `address`.
    [[nodiscard]] Pfn frame_of(VirtAddr address) const {
        return entry->frame() + (huge() ? table_index(address, 1) : 0);
    }
    [[nodiscard]] PhysAddr address() const { return address_of(table) + index * sizeof(PageTableEntry); }
};

/// The user half of page tables, in frames of the page allocator, whose entries the page walker reads: radix
/// tables, or tables of another format.
class PageTables {
public:
    PageTables(PageTableMemory& memory, FrameAllocator& frames, KernelCounters& counters, unsigned levels,
               PageTableKind kind = PageTableKind::Radix, const PageTablePlacement& placement = {})
        : m_memory(memory), m_frames(frames), m_counters(counters), m_levels(levels), m_kind(kind),
          m_placement(placement) {}

    /// A top-level table with the kernel's half filled in. Two frames, as with page-table isolation compiled
    /// in. False when no memory is left.
    [[nodiscard]] bool create_root(Operation& op, AddressSpace& space);
    void destroy_root(Operation& op, AddressSpace& space);

    /// The level-1 entry for `address`; empty where a table is missing or a huge page is mapped.
    [[nodiscard]] PteSlot find(AddressSpace& space, VirtAddr address);
    /// The same, adding the tables that are missing. Empty when no memory is left. Contract: no huge page is
    /// mapped there.
    [[nodiscard]] PteSlot get(Operation& op, AddressSpace& space, VirtAddr address);
    /// The level-2 entry for `address` where it maps a huge page, accessible or not; empty elsewhere.
    [[nodiscard]] PteSlot find_huge(const AddressSpace& space, VirtAddr address);
    /// Of either level: what maps `address`.
    [[nodiscard]] PteSlot find_leaf(AddressSpace& space, VirtAddr address) {
        const PteSlot slot = find(space, address);
        return slot ? slot : find_huge(space, address);
    }
    /// The entry of level 2 or 3 for `address`, adding the tables above it. Empty when no memory is left.
    [[nodiscard]] PteSlot get_upper(Operation& op, AddressSpace& space, VirtAddr address, unsigned level = 2);
    /// The same where its table is there; empty elsewhere.
    [[nodiscard]] PteSlot find_upper(const AddressSpace& space, VirtAddr address, unsigned level);

    /// Adds what is missing for [start, end), which lies in one 2 MiB. False when no memory is left.
    [[nodiscard]] bool get_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);
    /// Adds the tables that are missing but the last. False when no memory is left.
    [[nodiscard]] bool add_upper(Operation& op, AddressSpace& space, VirtAddr address);
    /// The table of this level that serves `address`; no_pfn where there is none.
    [[nodiscard]] Pfn table_at(const AddressSpace& space, VirtAddr address, unsigned level);
    /// What level 2 has for an address: a level-1 table, a huge page, or nothing for all of `span` bytes.
    struct Block {
        Pfn table = no_pfn;
        PteSlot huge;
        std::uint64_t span = level_span(2);
    };
    /// Calls visit(start of its 2 MiB, Block) for each level-1 table and each huge page of [start, end).
    template <class Visit>
    void for_each_block(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit) {
        if (m_kind != PageTableKind::Radix) [[unlikely]] { // other formats have no level-1 tables
            for (VirtAddr at = start; const PteSlot slot = next_entry(space, at, end);) {
                at = VirtAddr(at.value() & ~(level_span(2) - 1));
                if (slot.huge()) visit(at, Block{.huge = slot});
                at += level_span(2);
            }
            return;
        }
        for (VirtAddr at = start; at < end;) {
            const Block block = block_at(space, at);
            const VirtAddr begin(at.value() & ~(block.span - 1));
            if (block.table != no_pfn || block.huge) visit(begin, block);
            at = begin + block.span;
        }
    }
    /// What a huge page's split will need, whose level-2 entry there is: a level-1 table that is not in use
    /// yet; of other formats room alone. no_pfn when no memory is left.
    [[nodiscard]] Pfn allocate_leaf(Operation& op, AddressSpace& space, VirtAddr address);
    void free_leaf(Operation& op, AddressSpace& space, VirtAddr address, Pfn table);
    /// It is kept for the day when the huge page's entry is split.
    void deposit(PteSlot slot, Pfn table) {
        if (m_kind == PageTableKind::Radix) m_deposited.add(slot.table, table);
    }
    /// The huge page has gone, whose entry has what was deposited.
    void free_deposited(Operation& op, AddressSpace& space, VirtAddr address, PteSlot slot);
    /// A level-2 entry that has mapped a huge page gives way to level-1 entries, all empty.
    void split(Operation& op, AddressSpace& space, VirtAddr address, PteSlot slot);
    /// Tables kept for splits, by the level-2 table that has the entries.
    [[nodiscard]] const DepositedTables& deposited() const { return m_deposited; }
    /// Is nothing mapped in the 2 MiB of a level-2 entry, by itself or by level-1 entries?
    [[nodiscard]] bool is_free(const AddressSpace& space, VirtAddr address, PteSlot slot) const;
    /// Is there a level-1 table; of other formats, a place for any small page of the 2 MiB?
    [[nodiscard]] bool has_leaf(const AddressSpace& space, VirtAddr address);
    /// A huge page is to take the place of small ones: what allocate_leaf() would give, and its entry.
    struct Collapse {
        PteSlot slot;
        Pfn table = no_pfn;
    };
    /// Empty where no memory is left. Contract: has_leaf().
    [[nodiscard]] Collapse begin_collapse(Operation& op, AddressSpace& space, VirtAddr start);
    void cancel_collapse(Operation& op, AddressSpace& space, VirtAddr start, const Collapse& collapse);
    /// The huge page is mapped: its small pages' places go.
    void end_collapse(Operation& op, AddressSpace& space, VirtAddr start);
    /// move_huge_pmd: a huge page is mapped elsewhere from now on. False where that is not possible.
    [[nodiscard]] bool move_huge(Operation& op, AddressSpace& space, VirtAddr from_address, PteSlot from,
                                 VirtAddr to);
    /// move_normal_pmd: a whole level-1 table serves other 2 MiB from now on. False where that is not
    /// possible: there is one already, or none to be moved, or no memory is left.
    [[nodiscard]] bool move_leaf_table(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to);

    /// Puts a frame into the place of a table that a new address space lacks.
    void adopt_root(Operation& op, AddressSpace& space, Pfn frame);
    void adopt_table(AddressSpace& space, VirtAddr address, unsigned level, Pfn frame);

    /// Calls visit(address, PteSlot) for each level-1 entry of [start, end) that is not empty, those of
    /// swapped pages included, and visit_huge(start of its 2 MiB, PteSlot) for each huge page, by address.
    template <class Visit, class VisitHuge>
    void for_each_entry(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit,
                        const VisitHuge& visit_huge) {
        if (m_kind != PageTableKind::Radix) [[unlikely]] {
            for (VirtAddr at = start.page(); const PteSlot slot = next_entry(space, at, end);) {
                if (slot.huge())
                    visit_huge(at, slot);
                else
                    visit(at, slot);
                at += level_span(slot.level);
            }
            return;
        }
        for_each_block(space, start, end, [&](VirtAddr begin, const Block& block) {
            if (block.huge) return visit_huge(begin, block.huge);
            PageTableMemory::Table& entries = m_memory.table(block.table);
            const VirtAddr stop = std::min(end, begin + level_span(2));
            for (VirtAddr at = std::max(start.page(), begin); at < stop; at += page_size) {
                const std::size_t index = table_index(at, 1);
                if (!entries[index].empty()) visit(at, PteSlot{&entries[index], block.table, index});
            }
        });
    }
    /// The same for pages in memory alone.
    template <class Visit, class VisitHuge>
    void for_each(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit,
                  const VisitHuge& visit_huge) {
        const auto visit_page = [&visit](VirtAddr at, PteSlot slot) {
            if (!is_swap(*slot.entry)) visit(at, slot);
        };
        for_each_entry(space, start, end, visit_page, visit_huge);
    }
    /// Both where huge pages do not matter.
    template <class Visit>
    void for_each_entry(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit) {
        for_each_entry(space, start, end, visit, [](VirtAddr, PteSlot) {});
    }
    template <class Visit>
    void for_each(AddressSpace& space, VirtAddr start, VirtAddr end, const Visit& visit) {
        for_each(space, start, end, visit, [](VirtAddr, PteSlot) {});
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
    /// The tables of formats other than radix; null where there are none.
    [[nodiscard]] const PageTableFormats* formats() const {
        return m_kind == PageTableKind::Radix ? nullptr : &m_formats;
    }
    /// The tables' copies on other nodes; null where there are none.
    [[nodiscard]] const TableReplicas* replicas() const {
        return m_placement.kind == PageTablePlacement::Kind::Replicated ? &m_replicas : nullptr;
    }
    /// An entry has been written: the line that has it, on each node that has a copy.
    void store(Operation& op, PteSlot slot) const {
        op.path.store(slot.address());
        if (m_placement.kind == PageTablePlacement::Kind::Replicated) [[unlikely]]
            store_copies(op, slot);
    }
    /// The kernel's own root, whose upper half every new root shares.
    void set_kernel_root(Pfn root) { m_kernel_root = root; }

private:
    [[nodiscard]] std::expected<Pfn, AllocError> allocate(Operation& op, unsigned order);
    void add_copies(Operation& op, unsigned level, Pfn table);
    [[nodiscard]] std::vector<Pfn> take_copies(unsigned level, Pfn table);
    void free_copies(Operation& op, unsigned level, Pfn table);
    void store_copies(Operation& op, PteSlot slot) const;
    [[nodiscard]] Block block_at(AddressSpace& space, VirtAddr at);
    [[nodiscard]] PteSlot next_entry(const AddressSpace& space, VirtAddr& at, VirtAddr end);
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
    PageTableKind m_kind;
    PageTableFormats m_formats;
    PageTablePlacement m_placement;
    TableReplicas m_replicas; ///< empty where the placement has none
    Pfn m_kernel_root = no_pfn;
    DepositedTables m_deposited;
    std::vector<Pfn> m_dead; ///< freed tables whose contents are still there
};

} // namespace pagewalk::os
