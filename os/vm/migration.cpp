#include "os/vm/virtual_memory.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

/// Accessed and dirty bits, and rights, stay as they are.
void map_instead(PteSlot slot, Pfn frame) {
    const PageTableEntry entry = *slot.entry;
    *slot.entry = PageTableEntry(frame, entry.raw() ^ PageTableEntry(entry.frame(), 0).raw());
}

} // namespace

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
        map_instead(at.slot, to);
        m_tables.store(op, at.slot);
        unlock_table(op, at.slot);
        op.path.store_page(to);
    }
    old.owner_flags = 0;
    old.mapcount = 0;
    old.refcount = 0;
    return true;
}

void VirtualMemory::drain_lru_batches(Operation& op) {
    for (std::size_t cpu = 0; cpu < m_lru.cpus(); ++cpu) m_lru.drain(op, static_cast<CpuId>(cpu));
}

bool VirtualMemory::migrate_huge_page(Operation& op, Pfn from, Pfn to) {
    PageDescriptor& old = m_frames.pages().at(from);
    const std::uint32_t mappings = m_huge.whole_mappings(from);
    constexpr std::uint16_t busy = frame_flags::locked | frame_flags::writeback;
    if (!old.is(PageState::Lru) || (old.owner_flags & busy) != 0) return false;
    if (old.refcount != 1 || mappings == 0 || m_huge.references(from) != mappings) return false;
    const FrameMapping mapping = m_frames.mapping(from);
    if (!find_mappings(op, from, mapping)) return false;
    if (!std::ranges::all_of(m_found, [](const MappedAt& at) { return at.slot.huge(); })) return false;

    op.path.call(KernelFunction::IsolatePage);
    m_frames.lru().remove(from);
    op.path.call(KernelFunction::MigratePage);
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::TryToMigrateOne);
        lock_table(op, at.slot);
        m_tables.store(op, at.slot);
        flush(op, *at.space, at.page, at.page + HugePages::bytes, HugePages::bytes);
        unlock_table(op, at.slot);
        op.path.store_page(from);
    }
    for (std::uint64_t i = 0; i < HugePages::frames; ++i) {
        copy_contents(op, to + i, from + i);
        m_frames.cgroups().move(from + i, to + i);
    }
    m_frames.pages().at(to).owner_flags = old.owner_flags;
    m_frames.set_mapping(to, mapping);
    for (const MappedAt& at : m_found) {
        op.path.call(KernelFunction::RemoveMigrationPte);
        lock_table(op, at.slot);
        map_instead(at.slot, to);
        m_tables.store(op, at.slot);
        unlock_table(op, at.slot);
        m_huge.add_whole(to);
        (void)m_huge.remove_whole(from);
        op.path.store_page(to);
    }
    m_lru.add(op, to);
    m_huge.discard(op, from);
    return true;
}

} // namespace pagewalk::os
