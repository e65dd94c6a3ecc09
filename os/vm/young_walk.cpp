#include "os/vm/virtual_memory.h"

#include <algorithm>

// Where the multi-generational LRU learns which pages programs use.
namespace pagewalk::os {
namespace {

constexpr std::uint64_t around_pages = 64; // MIN_LRU_BATCH

/// Areas whose pages cannot be reclaimed, or are used once.
constexpr std::uint32_t passed_over = vm::locked | vm::dont_expand | vm::sequential | vm::random;

/// What a look at entries of one table has come to.
struct Seen {
    unsigned pages = 0, accessed = 0;
};

/// Up to 64 pages around an address, in its area and its table.
std::pair<VirtAddr, VirtAddr> surroundings(const Vma& area, VirtAddr page) {
    const VirtAddr block(page.value() & ~(level_span(2) - 1));
    const VirtAddr start = std::max(block, area.start), end = std::min(block + level_span(2), area.end);
    constexpr std::uint64_t span = around_pages * page_size;
    if (end - start <= span) return {start, end};
    if (page - start < span / 2) return {start, start + span};
    if (end - page < span / 2) return {VirtAddr(end.value() - span), end};
    return {VirtAddr(page.value() - span / 2), page + span / 2};
}

} // namespace

bool VirtualMemory::take_young(Operation& op, PteSlot slot, YoungPages& pages) {
    if (!slot.entry->has(PageTableEntry::Accessed) || is_zero_page(slot.entry->frame())) return false;
    if (!pages.take(op, m_huge.head_of(slot.entry->frame()))) return false;
    *slot.entry = slot.entry->without(PageTableEntry::Accessed);
    op.path.store(slot.address());
    return true;
}

void VirtualMemory::look_around(Operation& op, const MappedAt& at, YoungPages& pages) {
    if (at.slot.huge()) return;
    op.path.call(KernelFunction::LookAround);
    const auto [start, end] = surroundings(*at.area, at.page);
    Seen seen{.pages = static_cast<unsigned>((end - start) >> page_shift)};
    m_tables.for_each(*at.space, start, end,
                      [&](VirtAddr, PteSlot slot) { seen.accessed += take_young(op, slot, pages) ? 1 : 0; });
    pages.saw(at.slot.table, seen.pages, seen.accessed);
}

void VirtualMemory::walk_area(Operation& op, AddressSpace& space, const Vma& area, YoungPages& pages) {
    m_tables.for_each_block(space, area.start, area.end, [&](VirtAddr begin, const PageTables::Block& block) {
        op.path.call(KernelFunction::WalkPudRange);
        if (block.huge) {
            (void)take_young(op, block.huge, pages);
            return;
        }
        if (!pages.wants(block.table)) return;
        Seen seen;
        PhysAddr line{};
        const VirtAddr start = std::max(begin, area.start);
        m_tables.for_each(space, start, std::min(begin + block.span, area.end), [&](VirtAddr, PteSlot slot) {
            ++seen.pages;
            if (slot.address().line() != line) op.path.load(line = slot.address().line());
            seen.accessed += take_young(op, slot, pages) ? 1 : 0;
        });
        op.path.call(KernelFunction::AgePte, seen.pages);
        op.path.call(KernelFunction::AgeYoungPte, seen.accessed);
        pages.saw(block.table, seen.pages, seen.accessed);
    });
}

void VirtualMemory::walk_young(Operation& op, NodeId node, bool swaps, YoungPages& pages) {
    const std::uint64_t bit = 1ULL << (pagewalk::index_of(node) % 64);
    for (AddressSpace* space : m_spaces) {
        if ((space->unwalked & bit) == 0) continue;
        space->unwalked &= ~bit;
        if (space->file_pages + (swaps ? space->anon_pages : 0) < around_pages) continue;
        if (space->mmap_lock.write_locked()) continue;
        op.path.load(space->object);
        for (const Vma& area : space->areas) {
            const bool in_memory_only = area.anonymous() || m_files.at(area.inode).kind == InodeKind::Shmem;
            if (area.has(passed_over) || (in_memory_only && !swaps)) continue;
            op.path.load(area.object);
            walk_area(op, *space, area, pages);
        }
    }
}

} // namespace pagewalk::os
