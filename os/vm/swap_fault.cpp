#include "os/vm/area_policy.h"
#include "os/vm/virtual_memory.h"

namespace pagewalk::os {

/// do_swap_page.
VirtualMemory::FaultResult VirtualMemory::swapped_out(Operation& op, const FaultContext& fault,
                                                      PteSlot slot) {
    const PageTableEntry entry = *slot.entry;
    op.path.call(KernelFunction::DoSwapPage);
    Pfn frame = m_swap.find(op, slot_of(entry));
    const bool read = frame == no_pfn;
    if (read) {
        const AreaPolicy policy(op, fault.space.areas[fault.area]);
        frame = m_swap.read_ahead(op, slot_of(entry));
    }
    if (*slot.entry != entry) return {FaultStatus::Done, FaultKind::Spurious}; // another thread was faster
    if (frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (read) ++m_counters.pgmajfault;
    const FileSystem::Page page{frame, read};
    if (!m_files.ready(page)) return {FaultStatus::Retry, FaultKind::SwapMajor, page};
    lock_table(op, slot);
    map_swapped_in(op, fault, slot, frame);
    unlock_table(op, slot);
    const bool copies = fault.access == FaultAccess::Write && !slot.entry->has(PageTableEntry::Writable);
    if (copies) return write_protected(op, fault, slot);
    return {FaultStatus::Done, read ? FaultKind::SwapMajor : FaultKind::SwapCache};
}

/// The page takes the place of the swap entry. Its slot stays its own while it is clean and slots are not
/// scarce.
void VirtualMemory::map_swapped_in(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame) {
    AddressSpace& space = fault.space;
    const Vma& area = space.areas[fault.area];
    PageDescriptor& page = m_frames.pages().at(frame);
    const SwapSlot from = slot_of(*slot.entry);
    op.path.call(KernelFunction::SwapFree);
    m_swap.drop_reference(op, from);
    const bool alone = m_swap.area().references(from) == 0 && page.mapcount == 0;
    ++page.refcount;
    if (++page.mapcount == 1) {
        // Others that share it find it through the family's first anon_vma.
        const AnonVmaId anon = alone || area.chain.empty() ? area.anon : area.chain.front().anon;
        m_frames.set_mapping(frame, {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(anon),
                                     area.index_of(fault.page)});
        ++m_counters.nr_anon_pages;
    }
    --space.swap_pages;
    space.add_resident(AddressSpace::Resident::Anonymous);
    const bool write = alone && fault.access == FaultAccess::Write && area.has(vm::write);
    if (m_swap.is_synchronous() || m_swap.full() || area.has(vm::locked) || (write && page.refcount == 2))
        (void)m_swap.try_to_free(op, frame);
    const std::uint64_t flags = entry_flags(area) & ~std::uint64_t{PageTableEntry::Writable};
    constexpr std::uint64_t written = PageTableEntry::Writable | PageTableEntry::Dirty;
    *slot.entry = PageTableEntry(frame, flags | (write ? written : 0));
    op.path.store_page(frame);
    m_tables.store(op, slot);
}

} // namespace pagewalk::os
