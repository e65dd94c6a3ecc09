#include "os/vm/virtual_memory.h"

namespace pagewalk::os {

void VirtualMemory::restore(Operation& op, AddressSpace& space, const SpaceImage& image) {
    tear_down(op, space);
    m_tables.adopt_root(op, space, image.root);
    for (const SpaceImage::CachedPage& page : image.cached)
        m_files.adopt_page(op, page.file, page.index, page.frame);
    for (const SpaceImage::Area& each : image.areas) {
        Vma area;
        area.start = each.start;
        area.end = each.end;
        area.flags = each.flags;
        area.page_offset = each.page_offset;
        area.object = m_objects.allocate(op, ObjectKind::VmArea);
        if (!each.file.empty()) area.inode = m_files.open(op, each.file);
        space.areas.insert(space.areas.size(), std::move(area));
        if (each.has_anon_vma) m_anon.prepare(op, space.areas, space.areas.size() - 1);
    }
    fit_tree(op, space);
    for (const SpaceImage::Table& table : image.tables)
        m_tables.adopt_table(space, table.at, table.level, table.frame);
    for (const SpaceImage::Page& page : image.pages) restore_page(op, space, page);
}

void VirtualMemory::restore_page(Operation& op, AddressSpace& space, const SpaceImage::Page& page) {
    const PteSlot slot = m_tables.find(space, page.at);
    const Vma& area = space.areas[space.areas.find(page.at)];
    std::uint64_t flags = entry_flags(area) & ~std::uint64_t{PageTableEntry::Writable};
    if (page.writable) flags |= PageTableEntry::Writable;
    if (page.dirty) flags |= PageTableEntry::Dirty;
    if (page.kind == SpaceImage::Page::Kind::Zero) {
        *slot.entry = PageTableEntry(m_frames.addresses().zero_page, flags);
        return;
    }
    if (page.kind == SpaceImage::Page::Kind::File) {
        const FileSystem::Page cached = m_files.get_page(op, area.inode, area.index_of(page.at));
        PageDescriptor& file = m_frames.pages().at(cached.frame);
        ++file.refcount;
        ++file.mapcount;
        space.add_resident(AddressSpace::Resident::File);
        *slot.entry = PageTableEntry(cached.frame, flags);
        return;
    }
    PageDescriptor& descriptor = m_frames.pages().at(page.frame);
    descriptor.refcount = 1;
    descriptor.mapcount = 1;
    descriptor.owner_flags = frame_flags::anonymous | frame_flags::swapbacked | frame_flags::uptodate;
    m_frames.set_mapping(page.frame, {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(area.anon),
                                      area.index_of(page.at)});
    space.add_resident(AddressSpace::Resident::Anonymous);
    ++m_counters.nr_anon_pages;
    descriptor.clear(PageState::Lru); // the snapshot's mark
    if (page.in_lru_batch) {
        m_lru.add(op, page.frame);
    } else {
        m_frames.lru().add(page.frame);
    }
    PageTableEntry entry(page.frame, flags);
    if (!page.accessible) entry = entry.without(PageTableEntry::Present).with(protection_none);
    *slot.entry = entry;
}

} // namespace pagewalk::os
