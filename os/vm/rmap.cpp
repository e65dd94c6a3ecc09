#include "os/vm/virtual_memory.h"

#include <algorithm>

// From a page to the entries that map it, for who moves or reclaims it.
namespace pagewalk::os {
namespace {

bool is_anonymous(const PageDescriptor& page) { return (page.owner_flags & frame_flags::anonymous) != 0; }

} // namespace

void VirtualMemory::find_in_area(Operation& op, AddressSpace& space, const Vma& area, Pfn frame,
                                 const FrameMapping& mapping) {
    if (mapping.index < area.page_offset || mapping.index - area.page_offset >= area.pages()) return;
    if (mapping.kind == FrameMapping::Kind::File) {
        if (area.inode != InodeId{mapping.owner}) return;
    } else {
        const auto link = std::ranges::find(area.chain, AnonVmaId{mapping.owner}, &Vma::ChainLink::anon);
        if (link == area.chain.end()) return;
        op.path.load(link->object);
    }
    op.path.load(area.object);
    const VirtAddr page = area.start + ((mapping.index - area.page_offset) << page_shift);
    const PteSlot slot = m_tables.find_leaf(space, page);
    if (!slot || slot.entry->empty() || is_swap(*slot.entry) || slot.entry->frame() != frame) return;
    // Two areas cover it while one grows over the other.
    const auto same = [&slot](const MappedAt& at) { return at.slot.entry == slot.entry; };
    if (std::ranges::none_of(m_found, same)) m_found.push_back({&space, page, slot, &area});
}

/// Fills m_found with the entries that map the frame. False where some are not found: they are being moved.
bool VirtualMemory::find_mappings(Operation& op, Pfn frame, const FrameMapping& mapping) {
    m_found.clear();
    const std::size_t wanted = m_huge.mapcount(frame);
    op.path.call(KernelFunction::RmapWalk);
    // An anonymous page's index is its address, unless its area has moved since.
    if (mapping.kind == FrameMapping::Kind::Anonymous) {
        const VirtAddr likely(mapping.index << page_shift);
        for (AddressSpace* space : m_spaces) {
            if (m_found.size() == wanted) return true;
            const std::size_t area = space->areas.find(likely);
            if (area < space->areas.size()) find_in_area(op, *space, space->areas[area], frame, mapping);
        }
        if (m_found.size() == wanted) return true;
        m_found.clear();
    }
    for (AddressSpace* space : m_spaces)
        for (const Vma& area : space->areas) {
            if (m_found.size() == wanted) return true;
            find_in_area(op, *space, area, frame, mapping);
        }
    return m_found.size() == wanted;
}

void VirtualMemory::write_protect_file(Operation& op, Pfn frame) {
    (void)find_mappings(op, frame, m_frames.mapping(frame));
    for (const MappedAt& at : m_found) {
        constexpr std::uint64_t written = PageTableEntry::Writable | PageTableEntry::Dirty;
        if (!at.slot.entry->has(PageTableEntry::Writable) && !at.slot.entry->has(PageTableEntry::Dirty))
            continue;
        lock_table(op, at.slot);
        *at.slot.entry = at.slot.entry->without(written);
        m_tables.store(op, at.slot);
        flush(op, *at.space, at.page, at.page + page_size);
        unlock_table(op, at.slot);
    }
}

PageReferences VirtualMemory::take_references(Operation& op, Pfn frame, YoungPages* around) {
    PageReferences references;
    if (!find_mappings(op, frame, m_frames.mapping(frame))) return {.locked = true};
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::FolioReferencedOne);
        op.path.load(at.slot.address());
        references.locked = references.locked || at.area->has(vm::locked);
        if (!at.slot.entry->has(PageTableEntry::Accessed)) continue;
        if (around != nullptr) look_around(op, at, *around);
        *at.slot.entry = at.slot.entry->without(PageTableEntry::Accessed);
        if (at.area->has(vm::sequential)) continue; // each page is used once
        ++references.entries;
        references.executable = references.executable || at.area->has(vm::exec);
    }
    return references;
}

bool VirtualMemory::unmap(Operation& op, Pfn frame) {
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!find_mappings(op, frame, m_frames.mapping(frame))) return false;
    const bool given_up = is_anonymous(page) && (page.owner_flags & frame_flags::swapbacked) == 0;
    if (given_up && page.refcount != page.mapcount) return false;
    for (const MappedAt& at : m_found)
        if (!unmap_one(op, frame, at)) return false;
    return true;
}

bool VirtualMemory::unmap_one(Operation& op, Pfn frame, const MappedAt& at) {
    PageDescriptor& page = m_frames.pages().at(frame);
    const PageTableEntry entry = *at.slot.entry;
    const bool anonymous = is_anonymous(page), dirty = entry.has(PageTableEntry::Dirty);
    const bool swapped = anonymous && (page.owner_flags & frame_flags::swapbacked) != 0;
    op.path.call(KernelFunction::TryToUnmap);
    if (at.area->has(vm::locked)) return false;
    if (anonymous && !swapped && dirty) { // written to since it was given up
        page.owner_flags |= frame_flags::swapbacked;
        return false;
    }
    lock_table(op, at.slot);
    *at.slot.entry = PageTableEntry{};
    if (swapped) {
        const SwapSlot slot = m_swap.slot_of(frame);
        *at.slot.entry = swap_entry(slot);
        m_swap.duplicate(slot);
        ++at.space->swap_pages;
        if (dirty) page.owner_flags |= frame_flags::dirty;
    }
    m_tables.store(op, at.slot);
    (void)drop_page(op, *at.space, entry, *at.area);
    --page.refcount;
    unlock_table(op, at.slot);
    if (std::ranges::find(m_unmapped_in, at.space) == m_unmapped_in.end()) m_unmapped_in.push_back(at.space);
    return true;
}

void VirtualMemory::flush_unmapped(Operation& op) {
    for (AddressSpace* space : m_unmapped_in) flush_all(op, *space);
    m_unmapped_in.clear();
}

bool VirtualMemory::split(Operation& op, Pfn head) { return split_huge_page(op, head); }

void VirtualMemory::evict_file_page(Operation& op, Pfn frame) { m_files.evict_page(op, frame); }

/// References of a page's cache.
std::uint32_t VirtualMemory::references_of_owner(Pfn frame) const {
    constexpr std::uint16_t cached = frame_flags::file | frame_flags::swapcache;
    return (m_frames.pages().peek(frame).owner_flags & cached) != 0 ? 1 : 0;
}

std::vector<Pfn> VirtualMemory::isolate_for_pageout(Operation& op, AddressSpace& space, VirtAddr start,
                                                    std::uint64_t bytes) {
    std::vector<Pfn> pages;
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    space.mmap_lock.lock(op, RwSemaphore::Access::Read);
    m_lru.drain(op);
    const auto split_own = [&](VirtAddr, PteSlot slot) {
        const Pfn frame = slot.entry->frame();
        if (!is_zero_page(frame) && m_huge.is_part(frame) && m_huge.mapcount(frame) == 1)
            (void)split_huge_page(op, frame);
    };
    m_tables.for_each(space, start, end, split_own, split_own);
    bool changed = false;
    m_tables.for_each(space, start, end, [&](VirtAddr, PteSlot slot) {
        const Pfn frame = slot.entry->frame();
        if (is_zero_page(frame) || m_huge.is_part(frame)) return;
        PageDescriptor& page = m_frames.pages().at(frame);
        if (page.mapcount != 1) return;
        changed = changed || slot.entry->has(PageTableEntry::Accessed);
        *slot.entry = slot.entry->without(PageTableEntry::Accessed);
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::referenced);
        if (!page.is(PageState::Lru) || (page.owner_flags & frame_flags::unevictable) != 0) return;
        m_frames.lru().remove(frame);
        op.path.call(KernelFunction::IsolatePage);
        op.path.store_page(frame);
        pages.push_back(frame);
    });
    if (changed) flush(op, space, start, end);
    space.mmap_lock.unlock(op, RwSemaphore::Access::Read);
    return pages;
}

} // namespace pagewalk::os
