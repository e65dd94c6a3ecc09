#include "base/error.h"
#include "os/vm/area_policy.h"
#include "os/vm/khugepaged.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr GfpMask zero_gfp = (gfp::transhuge | gfp::zero).without(gfp::movable); // get_huge_zero_page

VirtAddr huge_start(VirtAddr address) { return VirtAddr(address.value() & ~(HugePages::bytes - 1)); }

} // namespace

/// hugepage_vma_check and transhuge_vma_suitable: may the 2 MiB around `address` be a huge page?
bool VirtualMemory::may_be_huge(const Vma& area, VirtAddr address) const {
    if (!area.anonymous() || area.has(vm::no_huge_page | vm::dont_expand)) return false;
    const ThpEnabled enabled = m_config.thp.enabled;
    if (enabled == ThpEnabled::Never || (enabled == ThpEnabled::Madvise && !area.has(vm::huge_page)))
        return false;
    const VirtAddr start = huge_start(address);
    return start >= area.start && start + HugePages::bytes <= area.end;
}

/// khugepaged_enter_vma: an area with pages of its own, and with room for a huge one at its end.
void VirtualMemory::enter_khugepaged(Operation& op, AddressSpace& space, const Vma& area) {
    if (m_khugepaged == nullptr || area.anon == no_anon_vma || area.end < area.start + HugePages::bytes)
        return;
    if (may_be_huge(area, VirtAddr(area.end.value() - HugePages::bytes))) m_khugepaged->enter(op, space);
}

/// A fault where no level-1 table is; nothing where one is to be used.
VirtualMemory::HugeResult VirtualMemory::huge_fault(Operation& op, const FaultContext& fault) {
    const PteSlot present = m_tables.find_huge(fault.space, fault.page);
    if (present) return present_huge(op, fault, present);
    const Vma& area = fault.space.areas[fault.area];
    if (m_tables.has_leaf(fault.space, fault.page)) return std::nullopt;
    if (!may_be_huge(area, fault.page)) return std::nullopt;
    const PteSlot slot = m_tables.get_upper(op, fault.space, fault.page);
    if (!slot) return FaultResult{FaultStatus::NoMemory, FaultKind::Kill};
    if (!m_tables.is_free(fault.space, fault.page, slot)) return std::nullopt; // another fault was faster
    if (area.anon == no_anon_vma) m_anon.prepare(op, fault.space.areas, fault.area);
    enter_khugepaged(op, fault.space, area);
    const bool read = fault.access != FaultAccess::Write && m_config.thp.use_zero_page;
    return read ? map_huge_zero(op, fault, slot) : huge_anonymous(op, fault, slot);
}

/// Another thread was faster, or the entry allows less than its area.
VirtualMemory::HugeResult VirtualMemory::present_huge(Operation& op, const FaultContext& fault,
                                                      PteSlot slot) {
    const Vma& area = fault.space.areas[fault.area];
    const bool write = fault.access == FaultAccess::Write;
    const PageTableEntry old = *slot.entry;
    if (!old.present() && (old.raw() & numa_hint) != 0) return numa_fault(op, fault, slot);
    *slot.entry = protected_entry(area, slot).with(PageTableEntry::Accessed);
    if (old.has(PageTableEntry::Writable) && area.has(vm::write))
        *slot.entry = slot.entry->with(PageTableEntry::Writable);
    m_tables.store(op, slot);
    if (!write || slot.entry->has(PageTableEntry::Writable))
        return FaultResult{FaultStatus::Done, FaultKind::Spurious};
    return write_protected_huge(op, fault, slot);
}

/// do_huge_pmd_wp_page: a sole owner writes to the page as it is, others to copies of small pages.
VirtualMemory::HugeResult VirtualMemory::write_protected_huge(Operation& op, const FaultContext& fault,
                                                              PteSlot slot) {
    const Pfn head = slot.entry->frame();
    op.path.call(KernelFunction::WpHugePage);
    op.path.load_page(head);
    if (is_zero_page(head) || m_huge.references(head) != 1) {
        split_mapping(op, fault.space, slot, fault.page);
        return std::nullopt;
    }
    const Vma& area = fault.space.areas[fault.area];
    m_frames.set_mapping(head, {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(area.anon),
                                area.index_of(huge_start(fault.page))});
    *slot.entry =
        slot.entry->with(PageTableEntry::Writable | PageTableEntry::Dirty | PageTableEntry::Accessed);
    m_tables.store(op, slot);
    return FaultResult{FaultStatus::Done, FaultKind::HugeReuse};
}

/// vma_alloc_folio: on the task's own node first, without reclaim.
Pfn VirtualMemory::new_huge_page(Operation& op, const Vma& area, VirtAddr start) {
    op.path.call(KernelFunction::VmaAllocFolio);
    const AreaPolicy policy(op, area);
    const GfpMask mask = m_config.thp.mask(area.has(vm::huge_page));
    FrameAllocator::Request request{.mask = mask | gfp::thisnode | gfp::noretry,
                                    .order = HugePages::order,
                                    .purpose = AllocationPurpose::Anonymous,
                                    .index = area.index_of(start) >> HugePages::order};
    auto frame = m_frames.allocate(op, request);
    if (!frame && mask.any(gfp::direct_reclaim)) {
        request.mask = mask;
        frame = m_frames.allocate(op, request);
    }
    if (!frame) return no_pfn;
    m_huge.make(*frame);
    op.path.call(KernelFunction::MemCgroupCharge);
    return *frame;
}

/// clear_huge_page: the frame that is touched, and those around it, come last and stay in the caches.
void VirtualMemory::clear_huge_page(Operation& op, Pfn head, VirtAddr touched) {
    if (!op.path.timed()) return;
    const auto clear = [&](std::uint64_t i) {
        op.path.call(KernelFunction::ClearSubpage);
        op.path.clear_pages(head + i, 0);
    };
    constexpr std::uint64_t all = HugePages::frames;
    const std::uint64_t target = table_index(touched, 1);
    const bool lower = 2 * target <= all;
    const std::uint64_t pairs = lower ? target : all - target; // left and right of the target
    const std::uint64_t base = lower ? 0 : all - 2 * pairs;
    if (lower)
        for (std::uint64_t i = all; i-- > 2 * target;) clear(i);
    else
        for (std::uint64_t i = 0; i < base; ++i) clear(i);
    for (std::uint64_t i = 0; i < pairs; ++i) {
        clear(base + i);
        clear(base + 2 * pairs - 1 - i);
    }
}

VirtualMemory::HugeResult VirtualMemory::huge_anonymous(Operation& op, const FaultContext& fault,
                                                        PteSlot slot) {
    AddressSpace& space = fault.space;
    const VirtAddr start = huge_start(fault.page);
    const Pfn head = new_huge_page(op, space.areas[fault.area], start);
    if (head == no_pfn) {
        ++m_counters.thp_fault_fallback;
        return std::nullopt;
    }
    const Pfn table = m_tables.allocate_leaf(op, space, fault.page);
    if (table == no_pfn) {
        m_huge.discard(op, head);
        return FaultResult{FaultStatus::NoMemory, FaultKind::Kill};
    }
    clear_huge_page(op, head, fault.page);
    op.path.call(KernelFunction::HugeAnonymousPage);
    lock_table(op, slot);
    const bool overtaken = !m_tables.is_free(space, fault.page, slot); // while this one waited for memory
    if (!overtaken) install_huge(op, fault, slot, head, table);
    unlock_table(op, slot);
    if (overtaken) {
        m_tables.free_leaf(op, space, fault.page, table);
        m_huge.discard(op, head);
        return FaultResult{FaultStatus::Done, FaultKind::Spurious};
    }
    ++m_counters.thp_fault_alloc;
    return FaultResult{FaultStatus::Done, FaultKind::HugeWrite};
}

void VirtualMemory::install_huge(Operation& op, const FaultContext& fault, PteSlot slot, Pfn head,
                                 Pfn table) {
    const Vma& area = fault.space.areas[fault.area];
    m_huge.add_whole(head);
    m_frames.set_mapping(head, {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(area.anon),
                                area.index_of(huge_start(fault.page))});
    fault.space.add_resident(AddressSpace::Resident::Anonymous, HugePages::frames);
    m_counters.nr_anon_pages += HugePages::frames;
    ++m_counters.nr_anon_thps;
    op.path.call(KernelFunction::PageAddNewAnonRmap);
    op.path.store_page(head);
    if (area.has(vm::locked))
        m_lru.add_locked(op, head);
    else
        m_lru.add(op, head);
    m_tables.deposit(slot, table);
    *slot.entry = PageTableEntry(head, entry_flags(area) | PageTableEntry::Huge | PageTableEntry::Dirty);
    m_tables.store(op, slot);
}

/// get_huge_zero_page: made once, for all. no_pfn where there is no memory.
Pfn VirtualMemory::huge_zero_page(Operation& op) {
    if (m_huge_zero_page != no_pfn) return m_huge_zero_page;
    const auto frame = m_frames.allocate(op, {.mask = zero_gfp, .order = HugePages::order});
    if (!frame) {
        ++m_counters.thp_zero_page_alloc_failed;
        return no_pfn;
    }
    if (m_huge_zero_page != no_pfn) { // another fault was faster
        m_frames.free(op, *frame, HugePages::order);
        return m_huge_zero_page;
    }
    ++m_counters.thp_zero_page_alloc;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    return m_huge_zero_page = *frame;
}

VirtualMemory::HugeResult VirtualMemory::map_huge_zero(Operation& op, const FaultContext& fault,
                                                       PteSlot slot) {
    AddressSpace& space = fault.space;
    const Pfn table = m_tables.allocate_leaf(op, space, fault.page);
    if (table == no_pfn) return FaultResult{FaultStatus::NoMemory, FaultKind::Kill};
    const Pfn zero = huge_zero_page(op);
    op.path.call(KernelFunction::MapHugeZeroPage);
    if (zero == no_pfn || !m_tables.is_free(space, fault.page, slot)) {
        m_tables.free_leaf(op, space, fault.page, table);
        if (zero != no_pfn) return FaultResult{FaultStatus::Done, FaultKind::Spurious};
        ++m_counters.thp_fault_fallback;
        return std::nullopt;
    }
    lock_table(op, slot);
    m_tables.deposit(slot, table);
    const std::uint64_t flags =
        entry_flags(space.areas[fault.area]) & ~std::uint64_t{PageTableEntry::Writable};
    *slot.entry = PageTableEntry(zero, flags | PageTableEntry::Huge);
    m_tables.store(op, slot);
    unlock_table(op, slot);
    return FaultResult{FaultStatus::Done, FaultKind::HugeRead};
}

} // namespace pagewalk::os
