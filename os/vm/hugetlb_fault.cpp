#include "os/vm/area_policy.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

// Mappings of hugetlbfs: entries of level 2 or 3 whose pages come from a pool and never leave memory.
// Source: Linux 6.1 as its captures show it (groundtruth/proc/facts.md), hugetlbfs_reserv.rst.
namespace pagewalk::os {
namespace {

VirtAddr start_of(VirtAddr address, HugetlbSize size) {
    return VirtAddr(address.value() & ~(bytes_of(size) - 1));
}

/// Which page of the area's file.
std::uint64_t place_of(const Vma& area, VirtAddr address, HugetlbSize size) {
    return area.index_of(address) / frames_of(size);
}

} // namespace

std::uint64_t VirtualMemory::page_bytes(const Vma& area) const {
    return area.has(vm::hugetlb) ? bytes_of(m_hugetlb_files.size_of(area.inode)) : page_size;
}

/// Calls visit(address, PteSlot) for each page of [start, end) that is mapped.
template <class Visit>
void VirtualMemory::for_each_hugetlb(AddressSpace& space, const Vma& area, VirtAddr start, VirtAddr end,
                                     const Visit& visit) {
    const HugetlbSize size = m_hugetlb_files.size_of(area.inode);
    for (VirtAddr at = start_of(start, size); at < end; at += bytes_of(size)) {
        const PteSlot slot = m_tables.find_upper(space, at, level_of(size));
        if (slot && !slot.entry->empty()) visit(at, slot);
    }
}

HugetlbUse VirtualMemory::hugetlb_use(AddressSpace& space, const Vma& area) {
    HugetlbUse use;
    const std::uint64_t bytes = page_bytes(area);
    for_each_hugetlb(space, area, area.start, area.end, [&](VirtAddr, PteSlot slot) {
        const Pfn head = slot.entry->frame();
        (m_frames.pages().peek(head).mapcount >= 2 ? use.shared : use.own) += bytes;
        use.nodes[index_of(m_frames.allocator().zone_of(head)->node)] += 1;
    });
    return use;
}

VirtualMemory::FaultResult VirtualMemory::hugetlb_fault(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const HugetlbSize size = m_hugetlb_files.size_of(area.inode);
    op.path.call(KernelFunction::HugetlbFault);
    const PteSlot slot = m_tables.get_upper(op, fault.space, start_of(fault.page, size), level_of(size));
    if (!slot) return {FaultStatus::NoMemory, FaultKind::Kill};
    op.path.load(slot.address());
    if (slot.entry->empty()) return hugetlb_no_page(op, fault, slot);
    const bool write = fault.access == FaultAccess::Write;
    if (!slot.entry->present()) *slot.entry = hugetlb_entry(area, slot.entry->frame(), *slot.entry);
    *slot.entry = slot.entry->with(PageTableEntry::Accessed);
    m_tables.store(op, slot);
    if (!write || slot.entry->has(PageTableEntry::Writable)) return {FaultStatus::Done, FaultKind::Spurious};
    return hugetlb_write_protected(op, fault, slot);
}

/// What an entry is after the area's rights have changed. A private page is made writable by a fault alone.
PageTableEntry VirtualMemory::hugetlb_entry(const Vma& area, Pfn head, PageTableEntry old) const {
    constexpr std::uint64_t kept = PageTableEntry::Accessed | PageTableEntry::Dirty;
    std::uint64_t flags =
        (entry_flags(area) & ~kept) | (old.raw() & kept) | std::uint64_t{PageTableEntry::Huge};
    if (area.is_private()) flags &= ~std::uint64_t{PageTableEntry::Writable};
    const PageTableEntry entry(head, flags);
    if (area.has(vm::access)) return entry;
    return entry.without(PageTableEntry::Present).with(protection_none);
}

void VirtualMemory::clear_hugetlb_page(Operation& op, Pfn head, HugetlbSize size) {
    if (!op.path.timed()) return;
    for (std::uint64_t i = 0; i < frames_of(size); ++i) {
        op.path.call(KernelFunction::ClearSubpage);
        op.path.clear_pages(head + i, 0);
    }
}

/// The page of a place that nothing is mapped at; no_pfn where there is none to be had.
Pfn VirtualMemory::hugetlb_page(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const HugetlbSize size = m_hugetlb_files.size_of(area.inode);
    const std::uint64_t place = place_of(area, fault.page, size);
    const AreaPolicy policy(op, area);
    Pfn head = m_hugetlb_files.find(area.inode, place);
    if (head != no_pfn) {
        m_hugetlb.get(head);
        return head;
    }
    if (!area.is_private()) {
        head = m_hugetlb_files.find_or_add(op, area.inode, place);
        if (head != no_pfn) m_hugetlb.get(head);
    } else {
        const std::shared_ptr<HugetlbReservation> reservation = area.reservation;
        const bool promised = reservation != nullptr && reservation->is_open(place);
        head = m_hugetlb.take(op, size, promised ? HugetlbPools::Promise::Kept : HugetlbPools::Promise::None,
                              place);
        if (head != no_pfn && reservation != nullptr) reservation->use(place);
    }
    if (head != no_pfn) clear_hugetlb_page(op, head, size);
    return head;
}

VirtualMemory::FaultResult VirtualMemory::hugetlb_no_page(Operation& op, const FaultContext& fault,
                                                          PteSlot slot) {
    const Pfn head = hugetlb_page(op, fault);
    if (head == no_pfn) return {FaultStatus::BusError, FaultKind::Kill};
    if (fault.space.areas[fault.area].is_private() && fault.space.areas[fault.area].anon == no_anon_vma)
        m_anon.prepare(op, fault.space.areas, fault.area);
    const Vma& area = fault.space.areas[fault.area];
    lock_table(op, slot);
    const bool overtaken = !slot.entry->empty(); // while this one waited for memory
    if (!overtaken) {
        ++m_frames.pages().at(head).mapcount;
        op.path.store_page(head);
        fault.space.hugetlb_pages += page_bytes(area) >> page_shift;
        const bool dirty = fault.access == FaultAccess::Write && !area.is_private();
        *slot.entry = hugetlb_entry(area, head, PageTableEntry(PageTableEntry::Accessed));
        if (dirty) *slot.entry = slot.entry->with(PageTableEntry::Dirty);
        m_tables.store(op, slot);
    }
    unlock_table(op, slot);
    if (overtaken) {
        m_hugetlb.put(op, head);
        return {FaultStatus::Done, FaultKind::Spurious};
    }
    if (fault.access == FaultAccess::Write && area.is_private()) {
        const FaultResult written = hugetlb_write_protected(op, fault, slot);
        if (written.status != FaultStatus::Done || written.kind == FaultKind::HugetlbCopy) return written;
    }
    return {FaultStatus::Done, FaultKind::HugetlbNew};
}

/// hugetlb_wp: a sole owner writes to the page as it is, others to a copy. Where there is no page for the
/// owner's copy, those who have it from a fork lose theirs.
VirtualMemory::FaultResult VirtualMemory::hugetlb_write_protected(Operation& op, const FaultContext& fault,
                                                                  PteSlot slot) {
    AddressSpace& space = fault.space;
    const Vma& area = space.areas[fault.area];
    constexpr std::uint64_t written =
        PageTableEntry::Writable | PageTableEntry::Dirty | PageTableEntry::Accessed;
    const HugetlbSize size = m_hugetlb_files.size_of(area.inode);
    const std::uint64_t place = place_of(area, fault.page, size);
    const VirtAddr start = start_of(fault.page, size);
    op.path.call(KernelFunction::HugetlbWp);
    const PageTableEntry old = *slot.entry;
    const Pfn from = old.frame();
    op.path.load_page(from);
    const bool of_file = m_hugetlb_files.find(area.inode, place) == from;
    const auto is_sole = [&] { return !of_file && m_frames.pages().peek(from).mapcount == 1; };
    Pfn to = no_pfn;
    if (!area.has(vm::shared) && !is_sole()) {
        const AreaPolicy policy(op, area);
        const bool promised = of_file && area.reservation != nullptr && area.reservation->is_open(place);
        to = m_hugetlb.take(op, size, promised ? HugetlbPools::Promise::Kept : HugetlbPools::Promise::None,
                            place);
        if (to != no_pfn && promised) area.reservation->use(place);
        if (to == no_pfn && area.reservation != nullptr) unmap_from_others(op, space, area.inode, place);
        if (to == no_pfn && !is_sole()) return {FaultStatus::BusError, FaultKind::Kill};
    }
    if (to == no_pfn) {
        *slot.entry = slot.entry->with(written);
        m_tables.store(op, slot);
        return {FaultStatus::Done, FaultKind::HugeReuse};
    }
    if (space.areas[fault.area].anon == no_anon_vma) m_anon.prepare(op, space.areas, fault.area);
    for (std::uint64_t i = 0; i < frames_of(size); ++i) {
        op.path.call(KernelFunction::CopySubpage);
        copy_contents(op, to + i, from + i);
    }
    lock_table(op, slot);
    const bool overtaken = *slot.entry != old;
    if (!overtaken) {
        flush(op, space, start, start + bytes_of(size), bytes_of(size));
        --m_frames.pages().at(from).mapcount;
        ++m_frames.pages().at(to).mapcount;
        *slot.entry = hugetlb_entry(space.areas[fault.area], to, old).with(written);
        m_tables.store(op, slot);
    }
    unlock_table(op, slot);
    m_hugetlb.put(op, overtaken ? to : from);
    return {FaultStatus::Done, overtaken ? FaultKind::Spurious : FaultKind::HugetlbCopy};
}

/// unmap_ref_private: who has no promise of its own gets SIGBUS when it next needs the page.
void VirtualMemory::unmap_from_others(Operation& op, const AddressSpace& owner, InodeId file,
                                      std::uint64_t place) {
    for (AddressSpace* space : m_spaces) {
        if (space == &owner) continue;
        for (const Vma& area : space->areas) {
            if (area.inode != file || !area.is_private() || area.reservation != nullptr) continue;
            const std::uint64_t index = place * frames_of(m_hugetlb_files.size_of(file));
            if (index < area.page_offset || index - area.page_offset >= area.pages()) continue;
            const VirtAddr start = area.start + ((index - area.page_offset) << page_shift);
            zap_hugetlb(op, *space, area, start, start + page_bytes(area));
            flush(op, *space, start, start + page_bytes(area), page_bytes(area));
            m_gather.flush(op);
            m_gather.finish(op);
        }
    }
}

/// __unmap_hugepage_range
void VirtualMemory::zap_hugetlb(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start,
                                VirtAddr end) {
    const std::uint64_t bytes = page_bytes(area);
    for_each_hugetlb(space, area, start, end, [&](VirtAddr, PteSlot slot) {
        op.path.call(KernelFunction::UnmapHugetlbPage);
        const Pfn head = std::exchange(*slot.entry, PageTableEntry{}).frame();
        m_tables.store(op, slot);
        --m_frames.pages().at(head).mapcount;
        op.path.store_page(head);
        space.hugetlb_pages -= bytes >> page_shift;
        if (m_gather.add(op, head) != PageGather::Full::Yes) return;
        flush(op, space, start, end, bytes);
        m_gather.flush(op);
    });
}

/// copy_hugetlb_page_range, of private memory. False when no memory is left for tables.
bool VirtualMemory::copy_hugetlb(Operation& op, AddressSpace& from, AddressSpace& to, const Vma& area) {
    bool complete = true;
    const unsigned level = level_of(m_hugetlb_files.size_of(area.inode));
    for_each_hugetlb(from, area, area.start, area.end, [&](VirtAddr at, PteSlot slot) {
        const PteSlot target = complete ? m_tables.get_upper(op, to, at, level) : PteSlot{};
        complete = static_cast<bool>(target);
        if (!complete || slot.entry->empty()) return;
        op.path.call(KernelFunction::CopyHugetlbPage);
        *slot.entry = slot.entry->without(PageTableEntry::Writable);
        *target.entry = slot.entry->without(PageTableEntry::Accessed);
        m_tables.store(op, slot);
        m_tables.store(op, target);
        const Pfn head = slot.entry->frame();
        m_hugetlb.get(head);
        ++m_frames.pages().at(head).mapcount;
        op.path.store_page(head);
        to.hugetlb_pages += page_bytes(area) >> page_shift;
    });
    return complete;
}

/// hugetlb_change_protection. Returns how many entries it has changed.
std::uint64_t VirtualMemory::protect_hugetlb(Operation& op, AddressSpace& space, const Vma& area,
                                             VirtAddr start, VirtAddr end) {
    std::uint64_t changed = 0;
    for_each_hugetlb(space, area, start, end, [&](VirtAddr, PteSlot slot) {
        const PageTableEntry old = *slot.entry;
        *slot.entry = hugetlb_entry(area, old.frame(), old);
        if (*slot.entry == old) return;
        ++changed;
        m_tables.store(op, slot);
    });
    return changed;
}

/// move_hugetlb_page_tables
void VirtualMemory::move_hugetlb(Operation& op, AddressSpace& space, const Vma& area, VirtAddr to,
                                 std::uint64_t bytes) {
    const unsigned level = level_of(m_hugetlb_files.size_of(area.inode));
    for_each_hugetlb(space, area, area.start, area.start + bytes, [&](VirtAddr at, PteSlot slot) {
        const PteSlot target = m_tables.get_upper(op, space, to + (at - area.start), level);
        if (!target) return; // no memory for tables: the page goes with the old range
        *target.entry = std::exchange(*slot.entry, PageTableEntry{});
        m_tables.store(op, slot);
        m_tables.store(op, target);
    });
}

} // namespace pagewalk::os
