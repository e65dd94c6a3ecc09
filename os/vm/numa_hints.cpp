#include "os/vm/numa_balancing.h"
#include "os/vm/virtual_memory.h"

// Entries that are made to fault, so that their faults tell who uses the pages. Source: mm/mprotect.c and
// mm/memory.c of Linux 6.1 as groundtruth/proc and kcost show it.
namespace pagewalk::os {

/// A file's dirty pages cannot move without being written; others' copies are left to them; and what is
/// where its only task runs tells nothing.
bool VirtualMemory::is_marked_for_numa(Operation& op, const AddressSpace& space, const Vma& area,
                                       PteSlot slot) const {
    const PageTableEntry entry = *slot.entry;
    const Pfn frame = entry.frame();
    if (!entry.present() || is_zero_page(frame)) return false;
    const PageDescriptor& page = m_frames.pages().peek(m_huge.head_of(frame));
    const bool of_file = (page.owner_flags & frame_flags::file) != 0;
    if (of_file && (page.owner_flags & frame_flags::dirty) != 0) return false;
    if (area.is_private() && m_huge.references(frame) != 1 + references_of_owner(m_huge.head_of(frame)))
        return false;
    const PageAllocator& allocator = m_frames.allocator();
    return space.users != 1 || allocator.zone_of(frame)->node != allocator.cpus()[op.cpu];
}

std::uint64_t VirtualMemory::mark_for_numa(Operation& op, AddressSpace& space, const Vma& area,
                                           VirtAddr start, VirtAddr end) {
    std::uint64_t small = 0, huge = 0;
    op.path.call(KernelFunction::ChangeProtNuma);
    const auto mark = [&](VirtAddr, PteSlot slot) {
        if (!is_marked_for_numa(op, space, area, slot)) return;
        *slot.entry = slot.entry->without(PageTableEntry::Present).with(protection_none | numa_hint);
        if (slot.index % 8 == 0 || small + huge == 0) m_tables.store(op, slot);
        ++(slot.huge() ? huge : small);
    };
    m_tables.for_each(space, start, end, mark, mark);
    op.path.call(KernelFunction::ChangeProtNumaPte, static_cast<std::uint32_t>(small + huge));
    if (small + huge != 0) flush(op, space, start, end);
    m_counters.numa_pte_updates += small + huge;
    m_counters.numa_huge_pte_updates += huge;
    return small + huge;
}

/// do_numa_page: the entry is as it was, and its page perhaps elsewhere.
VirtualMemory::FaultResult VirtualMemory::numa_fault(Operation& op, const FaultContext& fault, PteSlot slot) {
    op.path.call(KernelFunction::DoNumaPage);
    lock_table(op, slot);
    *slot.entry = slot.entry->without(protection_none | numa_hint)
                      .with(PageTableEntry::Present | PageTableEntry::Accessed);
    m_tables.store(op, slot);
    unlock_table(op, slot);
    if (m_numa == nullptr || op.self == nullptr) return {FaultStatus::Done, FaultKind::NumaHint};
    const bool moved =
        m_numa->fault(op, fault.space, fault.space.areas[fault.area], fault.page, slot.frame_of(fault.page));
    return {FaultStatus::Done, moved ? FaultKind::NumaMigrate : FaultKind::NumaHint};
}

} // namespace pagewalk::os
