#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

namespace pagewalk::os {
namespace {

constexpr std::uint32_t entries_per_line = line_size / sizeof(PageTableEntry);

} // namespace

bool VirtualMemory::copy_range(Operation& op, AddressSpace& from, AddressSpace& to, const Vma& area) {
    const FunctionScope scope = in(op, TracedFunction::CopyPageRange);
    // Pages of a file can be faulted in again: only areas that have private pages are copied.
    if (area.anon == no_anon_vma || area.has(vm::wipe_on_fork)) return true;
    op.path.call(KernelFunction::CopyPageRange);
    if (area.has(vm::hugetlb)) return copy_hugetlb(op, from, to, area);
    std::uint32_t pages = 0;
    bool complete = true;
    // Each table of the parent's has its like, with or without entries in this area.
    m_tables.for_each_block(from, area.start, area.end, [&](VirtAddr begin, const PageTables::Block& block) {
        complete = complete && (block.huge ? copy_huge(op, to, begin, block.huge)
                                           : static_cast<bool>(m_tables.get(op, to, begin)));
    });
    m_tables.for_each_entry(from, area.start, area.end, [&](VirtAddr address, PteSlot slot) {
        if (!complete) return;
        const PteSlot target = m_tables.get(op, to, address);
        if (!target) {
            complete = false;
            return;
        }
        if (slot.entry->empty()) return;    // reclaimed while this one waited for memory
        if (!target.entry->empty()) return; // a huge page, copied before it was split
        if (is_swap(*slot.entry)) {
            m_swap.duplicate(slot_of(*slot.entry));
            *target.entry = *slot.entry;
            ++to.swap_pages;
            return;
        }
        if (area.is_private()) *slot.entry = slot.entry->without(PageTableEntry::Writable);
        if (pages % entries_per_line == 0) {
            m_tables.store(op, slot);
            m_tables.store(op, target);
        }
        if (++pages % entries_per_line == 0) op.path.call(KernelFunction::CopyPte, entries_per_line);
        const Pfn frame = slot.entry->frame();
        *target.entry = slot.entry->without(PageTableEntry::Accessed |
                                            (area.is_private() ? 0 : std::uint64_t{PageTableEntry::Dirty}));
        if (frame == m_frames.addresses().zero_page) return;
        const PageDescriptor& page = m_frames.pages().peek(frame);
        m_huge.add_mapping(frame);
        to.add_resident((page.owner_flags & frame_flags::anonymous) != 0 ? AddressSpace::Resident::Anonymous
                                                                         : AddressSpace::Resident::File);
        op.path.store_page(frame);
    });
    op.path.call(KernelFunction::CopyPte, pages % entries_per_line);
    return complete;
}

std::shared_ptr<AddressSpace> VirtualMemory::fork(Operation& op, AddressSpace& parent) {
    const FunctionScope scope = in(op, TracedFunction::DupMm);
    std::shared_ptr<AddressSpace> child = create(op);
    if (child == nullptr) return nullptr;
    child->brk_start = parent.brk_start;
    child->brk = parent.brk;
    if (copy_areas(op, parent, *child)) return child;
    drop_user(op, *child);
    destroy(op, *child);
    return nullptr;
}

bool VirtualMemory::copy_areas(Operation& op, AddressSpace& parent, AddressSpace& child) {
    const FunctionScope scope = in(op, TracedFunction::DupMmap);
    const MmapWriteLocked locked(op, parent);
    op.path.call(KernelFunction::DupMmap);
    bool complete = true;
    for (std::size_t i = 0; i < parent.areas.size() && complete; ++i) {
        const Vma& area = parent.areas[i];
        if (area.has(vm::dont_copy)) continue;
        op.path.call(KernelFunction::DupVma);
        Vma copy = copy_area(op, area);
        if (!area.has(vm::wipe_on_fork)) m_anon.fork(op, area, copy);
        child.areas.insert(child.areas.size(), std::move(copy));
        complete = copy_range(op, parent, child, area);
    }
    fit_tree(op, child);
    flush_all(op, parent);
    return complete;
}

Vma VirtualMemory::copy_area(Operation& op, const Vma& area) {
    const FunctionScope scope = in(op, TracedFunction::VmAreaDup);
    op.path.call(KernelFunction::VmAreaDup);
    op.path.load(area.object);
    Vma copy = area;
    copy.chain.clear();
    copy.anon = no_anon_vma;
    copy.reservation.reset(); // the parent's alone
    copy.flags &= ~(vm::locked | vm::lock_on_fault);
    copy.object = m_objects.allocate(op, ObjectKind::VmArea);
    if (copy.inode != no_inode) m_files.add_user(copy.inode);
    return copy;
}

} // namespace pagewalk::os
