#include "base/error.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>

namespace pagewalk::os {

void VirtualMemory::count_lru(Pfn frame, int change) {
    m_counters.count_lru(m_frames.pages().peek(frame).owner_flags, change);
}

bool VirtualMemory::isolate_page(Operation& op, Pfn frame, GfpMask mask) {
    PageDescriptor& page = m_frames.pages().at(frame);
    if (!page.is(PageState::Lru) || page.compound != 0) return false; // huge pages stay where they are
    if ((page.owner_flags & (frame_flags::locked | frame_flags::writeback)) != 0) return false;
    const bool file = (page.owner_flags & frame_flags::file) != 0;
    if (file ? !mask.any(gfp::fs) : page.refcount > page.mapcount) return false;
    page.clear(PageState::Lru);
    count_lru(frame, -1);
    op.path.call(KernelFunction::IsolatePage);
    op.path.store_page(frame);
    return true;
}

void VirtualMemory::put_back_page(Operation& op, Pfn frame) {
    m_frames.pages().at(frame).set(PageState::Lru);
    count_lru(frame, 1);
    op.path.call(KernelFunction::PutBackPage);
    op.path.store_page(frame);
}

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
    if (slot && !slot.entry->empty() && slot.entry->frame() == frame) m_found.push_back({&space, page, slot});
}

/// Fills m_found with every entry that maps the frame.
void VirtualMemory::find_mappings(Operation& op, Pfn frame, const FrameMapping& mapping) {
    m_found.clear();
    const std::size_t wanted = m_huge.mapcount(frame);
    op.path.call(KernelFunction::RmapWalk);
    // An anonymous page's index is its address, unless its area has moved since.
    if (mapping.kind == FrameMapping::Kind::Anonymous) {
        const VirtAddr likely(mapping.index << page_shift);
        for (AddressSpace* space : m_spaces) {
            if (m_found.size() == wanted) return;
            const std::size_t area = space->areas.find(likely);
            if (area < space->areas.size()) find_in_area(op, *space, space->areas[area], frame, mapping);
        }
        if (m_found.size() == wanted) return;
        m_found.clear();
    }
    for (AddressSpace* space : m_spaces)
        for (const Vma& area : space->areas) {
            if (m_found.size() == wanted) return;
            find_in_area(op, *space, area, frame, mapping);
        }
    PAGEWALK_INVARIANT(m_found.size() == wanted);
}

void VirtualMemory::write_protect_file(Operation& op, Pfn frame) {
    find_mappings(op, frame, m_frames.mapping(frame));
    for (const MappedAt& at : m_found) {
        constexpr std::uint64_t written = PageTableEntry::Writable | PageTableEntry::Dirty;
        if (!at.slot.entry->has(PageTableEntry::Writable) && !at.slot.entry->has(PageTableEntry::Dirty))
            continue;
        lock_table(op, at.slot);
        *at.slot.entry = at.slot.entry->without(written);
        op.path.store(at.slot.address());
        flush(op, *at.space, at.page, at.page + page_size);
        unlock_table(op, at.slot);
    }
}

bool VirtualMemory::migrate_page(Operation& op, Pfn from, Pfn to) {
    PageDescriptor& old = m_frames.pages().at(from);
    const FrameMapping mapping = m_frames.mapping(from);
    const bool file = mapping.kind == FrameMapping::Kind::File;
    op.path.call(KernelFunction::MigratePage);
    // One reference a mapping, and the page cache's: any other is a user that would not notice the move.
    if (old.refcount != old.mapcount + (file ? 1 : 0)) return false;

    find_mappings(op, from, mapping);
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::TryToMigrateOne);
        lock_table(op, at.slot);
        op.path.store(at.slot.address());
        flush(op, *at.space, at.page, at.page + page_size);
        unlock_table(op, at.slot);
        op.path.store_page(from);
    }
    op.path.copy_page(to, from);
    PageDescriptor& page = m_frames.pages().at(to);
    page.owner_flags = old.owner_flags;
    page.refcount = old.refcount;
    page.mapcount = old.mapcount;
    m_frames.set_mapping(to, mapping);
    m_frames.cgroups().move(from, to);
    op.path.store_page(to);
    if (file) {
        const InodeId inode{mapping.owner};
        m_files.replace_page(inode, mapping.index, to);
        op.path.store(m_files.at(inode).object);
    }
    m_lru.add(op, to);
    if (!m_found.empty()) {
        m_lru.drain(op);
        op.path.call(KernelFunction::RmapWalk);
    }
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::RemoveMigrationPte);
        lock_table(op, at.slot);
        // Accessed and dirty bits, and rights, stay as they are.
        const PageTableEntry entry = *at.slot.entry;
        *at.slot.entry = PageTableEntry(to, entry.raw() ^ PageTableEntry(entry.frame(), 0).raw());
        op.path.store(at.slot.address());
        unlock_table(op, at.slot);
        op.path.store_page(to);
    }
    old.owner_flags = 0;
    old.mapcount = 0;
    old.refcount = 0;
    return true;
}

} // namespace pagewalk::os
