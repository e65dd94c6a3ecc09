#include "os/vm/virtual_memory.h"

namespace pagewalk::os {

bool VirtualMemory::isolate_page(Operation& op, Pfn frame, GfpMask mask) {
    PageDescriptor& page = m_frames.pages().at(frame);
    if (!page.is(PageState::Lru) || page.compound != 0) return false; // huge pages stay where they are
    if ((page.owner_flags & (frame_flags::locked | frame_flags::writeback)) != 0) return false;
    const bool file = (page.owner_flags & frame_flags::file) != 0;
    if (file ? !mask.any(gfp::fs) : page.refcount > page.mapcount + references_of_owner(frame)) return false;
    m_frames.lru().remove(frame);
    op.path.call(KernelFunction::IsolatePage);
    op.path.store_page(frame);
    return true;
}

void VirtualMemory::put_back_page(Operation& op, Pfn frame) {
    m_frames.lru().add(frame);
    op.path.call(KernelFunction::PutBackPage);
    op.path.store_page(frame);
}

bool VirtualMemory::migrate_page(Operation& op, Pfn from, Pfn to) {
    PageDescriptor& old = m_frames.pages().at(from);
    const FrameMapping mapping = m_frames.mapping(from);
    const bool file = mapping.kind == FrameMapping::Kind::File;
    op.path.call(KernelFunction::MigratePage);
    // One reference a mapping, and its cache's: any other is a user that would not notice the move.
    if (old.refcount != old.mapcount + references_of_owner(from)) return false;

    if (!find_mappings(op, from, mapping)) return false;
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::TryToMigrateOne);
        lock_table(op, at.slot);
        m_tables.store(op, at.slot);
        flush(op, *at.space, at.page, at.page + page_size);
        unlock_table(op, at.slot);
        op.path.store_page(from);
    }
    copy_contents(op, to, from);
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
    if (m_swap.caches(to)) m_swap.replace(from, to);
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
        m_tables.store(op, at.slot);
        unlock_table(op, at.slot);
        op.path.store_page(to);
    }
    old.owner_flags = 0;
    old.mapcount = 0;
    old.refcount = 0;
    return true;
}

} // namespace pagewalk::os
