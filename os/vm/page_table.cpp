#include "os/vm/page_table.h"

#include "base/error.h"

namespace pagewalk::os {
namespace {

constexpr GfpMask table_gfp = gfp::kernel_account | gfp::zero; // GFP_PGTABLE_USER
constexpr unsigned root_order = 1; // PGD_ALLOCATION_ORDER with page-table isolation
constexpr std::uint64_t table_flags =
    PageTableEntry::Present | PageTableEntry::Writable | PageTableEntry::User | PageTableEntry::Accessed;
constexpr std::size_t user_entries = entries_per_table / 2;

} // namespace

void PageTables::make_table(Pfn frame) {
    if (const auto dead = std::ranges::find(m_dead, frame); dead != m_dead.end()) {
        m_memory.remove(frame);
        *dead = m_dead.back();
        m_dead.pop_back();
    }
    m_memory.add(frame);
}

void PageTables::retire_table(Operation& op, Pfn frame) {
    m_dead.push_back(frame);
    op.log.dead_tables.push_back(frame);
}

void PageTables::remove_dead_tables(PathLog& log) {
    for (const Pfn frame : log.dead_tables)
        if (const auto dead = std::ranges::find(m_dead, frame); dead != m_dead.end()) {
            m_memory.remove(frame);
            *dead = m_dead.back();
            m_dead.pop_back();
        }
    log.dead_tables.clear();
}

bool PageTables::create_root(Operation& op, AddressSpace& space) {
    const FunctionScope scope = in(op, TracedFunction::PgdAlloc);
    op.path.call(KernelFunction::PgdAlloc);
    const FunctionScope pages = in(op, TracedFunction::GetFreePages);
    op.path.call(KernelFunction::AllocPages);
    const auto frame = m_frames.allocate(
        op, {.mask = table_gfp, .order = root_order, .purpose = AllocationPurpose::PageTable});
    if (!frame) return false;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    make_table(*frame);
    PageTableMemory::Table& table = m_memory.table(*frame);
    const PageTableMemory::Table& kernel = m_memory.table(m_kernel_root);
    std::copy(kernel.begin() + user_entries, kernel.end(), table.begin() + user_entries);
    op.path.copy_bytes(kernel_layout::direct_map(address_of(*frame)) + page_size / 2,
                       kernel_layout::direct_map(address_of(m_kernel_root)) + page_size / 2, page_size / 2);
    space.root = *frame;
    return true;
}

void PageTables::destroy_root(Operation& op, AddressSpace& space) {
    m_memory.remove(space.root);
    m_frames.free(op, space.root, root_order);
    space.root = no_pfn;
}

Pfn PageTables::leaf_table(AddressSpace& space, VirtAddr at, unsigned& absent_level) {
    const VirtAddr block = VirtAddr(at.value() & ~(level_span(2) - 1));
    if (space.cached_block == block) return space.cached_table;
    Pfn table = space.root;
    for (unsigned level = m_levels; level > 1; --level) {
        const PageTableEntry entry = m_memory.table(table)[table_index(at, level)];
        if (!entry.present()) {
            absent_level = level;
            return no_pfn;
        }
        table = entry.frame();
    }
    space.cached_block = block;
    space.cached_table = table;
    return table;
}

PteSlot PageTables::find(AddressSpace& space, VirtAddr address) {
    unsigned absent = 0;
    const Pfn table = leaf_table(space, address, absent);
    if (table == no_pfn) return {};
    const std::size_t index = table_index(address, 1);
    return {&m_memory.table(table)[index], table, index};
}

Pfn PageTables::add_table(Operation& op, AddressSpace& space, unsigned level) {
    op.path.call(level == 1 ? KernelFunction::PteAlloc : KernelFunction::PmdAlloc);
    op.path.call(KernelFunction::AllocPages);
    const auto frame = m_frames.allocate(op, {.mask = table_gfp, .purpose = AllocationPurpose::PageTable});
    if (!frame) return no_pfn;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    make_table(*frame);
    ++space.table_pages;
    ++m_counters.nr_page_table_pages;
    return *frame;
}

void PageTables::drop_table(Operation& op, AddressSpace& space, Pfn frame) {
    m_memory.remove(frame);
    --space.table_pages;
    --m_counters.nr_page_table_pages;
    m_frames.free(op, frame, 0);
}

PteSlot PageTables::get(Operation& op, AddressSpace& space, VirtAddr address) {
    if (const PteSlot slot = find(space, address)) return slot;
    Pfn table = space.root;
    for (unsigned level = m_levels; level > 1; --level) {
        const std::size_t index = table_index(address, level);
        PageTableEntry entry = m_memory.table(table)[index];
        if (!entry.present()) {
            const Pfn frame = add_table(op, space, level - 1);
            if (frame == no_pfn) return {};
            entry = m_memory.table(table)[index];
            if (entry.present()) { // another was faster while this one waited for memory
                drop_table(op, space, frame);
            } else {
                entry = PageTableEntry(frame, table_flags);
                m_memory.table(table)[index] = entry;
                op.path.store(address_of(table) + index * sizeof(PageTableEntry));
            }
        }
        table = entry.frame();
    }
    return find(space, address);
}

void PageTables::free_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, VirtAddr floor,
                            VirtAddr ceiling, std::vector<Pfn>& freed) {
    space.cached_block = VirtAddr(~0ULL);
    free_level(op, space, space.root, m_levels, start, end, floor, ceiling, freed);
}

void PageTables::free_level(Operation& op, AddressSpace& space, Pfn table, unsigned level, VirtAddr start,
                            VirtAddr end, VirtAddr floor, VirtAddr ceiling, std::vector<Pfn>& freed) {
    // An entry's table goes when the entry's whole span, clipped to user space, has no neighbour's memory in
    // it.
    const std::uint64_t span = level_span(level);
    const std::uint64_t last = (end.value() - 1) & ~(span - 1);
    for (std::uint64_t at = start.value() & ~(span - 1);; at += span) {
        const std::size_t index = table_index(VirtAddr(at), level);
        const PageTableEntry entry = m_memory.table(table)[index];
        if (entry.present()) {
            const VirtAddr from = std::max(start, VirtAddr(at));
            const VirtAddr to = std::min(end, VirtAddr(at + span));
            if (level > 2) free_level(op, space, entry.frame(), level - 1, from, to, floor, ceiling, freed);
            const bool below = at < floor.value();
            const bool above = ceiling != VirtAddr{} && at + span > ceiling.value();
            if (!below && !above) {
                m_memory.table(table)[index] = PageTableEntry{};
                op.path.store(address_of(table) + index * sizeof(PageTableEntry));
                op.path.call(KernelFunction::FreeTable);
                retire_table(op, entry.frame());
                freed.push_back(entry.frame());
                --space.table_pages;
                --m_counters.nr_page_table_pages;
            }
        }
        if (at == last) break;
    }
}

} // namespace pagewalk::os
