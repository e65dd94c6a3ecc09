#include "base/error.h"
#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

// Small pages become a huge one: khugepaged, and MADV_COLLAPSE. Source: mm/khugepaged.c of Linux 6.1 as its
// captures show it (groundtruth/proc p6 collapse, placement b-p6 collapse).
namespace pagewalk::os {

/// hpage_collapse_scan_pmd: are the small pages from `start` on worth a huge one? `limits`: null for
/// MADV_COLLAPSE, which has none.
bool VirtualMemory::worth_collapsing(Operation& op, AddressSpace& space, VirtAddr start,
                                     const CollapseLimits* limits) {
    op.path.call(KernelFunction::CollapseScan);
    if (!m_tables.has_leaf(space, start)) return false; // nothing there, or a huge page already
    op.path.call(KernelFunction::CollapseScanPte, HugePages::frames);
    std::uint64_t none = 0, shared = 0, referenced = 0;
    bool writable = false;
    for (std::uint64_t i = 0; i < HugePages::frames; ++i) {
        const PteSlot slot = m_tables.find(space, start + i * page_size);
        if (slot && i % (line_size / sizeof(PageTableEntry)) == 0) op.path.load(slot.address());
        const PageTableEntry entry = slot ? *slot.entry : PageTableEntry();
        if (is_swap(entry)) return false;
        if (entry.empty() || is_zero_page(entry.frame())) {
            if (limits == nullptr || ++none <= limits->none) continue;
            ++m_counters.thp_scan_exceed_none_pte;
            return false;
        }
        if (!entry.present()) return false;
        writable = writable || entry.has(PageTableEntry::Writable);
        op.path.load_page(entry.frame());
        if (m_huge.mapcount(entry.frame()) > 1 && limits != nullptr && ++shared > limits->shared) {
            ++m_counters.thp_scan_exceed_share_pte;
            return false;
        }
        if (!collapsible(entry.frame())) return false;
        const std::uint16_t states = m_frames.pages().peek(m_huge.head_of(entry.frame())).owner_flags;
        if (entry.has(PageTableEntry::Accessed) || (states & frame_flags::referenced) != 0) ++referenced;
    }
    return writable && (limits == nullptr || referenced != 0);
}

/// Is it an anonymous page that only mappings refer to, and that can be taken off its LRU list?
bool VirtualMemory::collapsible(Pfn frame) const {
    const PageDescriptor& page = m_frames.pages().peek(m_huge.head_of(frame));
    constexpr std::uint16_t busy = frame_flags::locked | frame_flags::writeback;
    if ((page.owner_flags & frame_flags::anonymous) == 0 || (page.owner_flags & busy) != 0) return false;
    const std::uint32_t mappings = m_huge.is_part(frame) ? 1 : page.mapcount;
    return page.is(PageState::Lru) && page.refcount == mappings;
}

/// alloc_charge_hpage. no_pfn where there is none.
Pfn VirtualMemory::new_collapsed_page(Operation& op) {
    const auto frame = m_frames.allocate(
        op, {.mask = gfp::transhuge, .order = HugePages::order, .purpose = AllocationPurpose::Anonymous});
    if (!frame) {
        ++m_counters.thp_collapse_alloc_failed;
        return no_pfn;
    }
    ++m_counters.thp_collapse_alloc;
    m_huge.make(*frame);
    op.path.call(KernelFunction::MemCgroupCharge);
    return *frame;
}

void VirtualMemory::collapse_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    drain_lru_batches(op);
    const VirtAddr first((start.value() + HugePages::bytes - 1) & ~(HugePages::bytes - 1));
    for (VirtAddr at = first; at + HugePages::bytes <= end; at += HugePages::bytes) {
        if (!worth_collapsing(op, space, at, nullptr)) continue;
        const Pfn head = new_collapsed_page(op);
        if (head == no_pfn) return;
        (void)collapse(op, space, at, head);
    }
}

bool VirtualMemory::collapse(Operation& op, AddressSpace& space, VirtAddr start, Pfn head) {
    const MmapWriteLocked locked(op, space);
    const std::size_t index = space.areas.find(start);
    const bool there = index < space.areas.size() && space.areas[index].start <= start &&
                       start + HugePages::bytes <= space.areas[index].end;
    if (!there || !m_tables.has_leaf(space, start) || space.areas[index].anon == no_anon_vma) {
        m_huge.discard(op, head);
        return false;
    }
    const PageTables::Collapse tables = m_tables.begin_collapse(op, space, start);
    if (!tables.slot || !all_collapsible(space, start)) {
        m_tables.cancel_collapse(op, space, start, tables);
        m_huge.discard(op, head);
        return false;
    }
    flush(op, space, start, start + HugePages::bytes, HugePages::bytes);
    for (std::uint64_t i = 0; i < HugePages::frames; ++i)
        collapse_page(op, space, space.areas[index], m_tables.find(space, start + i * page_size), head + i);
    lock_table(op, tables.slot);
    install_huge(op, {space, index, start, FaultAccess::Write}, tables.slot, head, tables.table);
    unlock_table(op, tables.slot);
    m_tables.end_collapse(op, space, start);
    return true;
}

bool VirtualMemory::all_collapsible(AddressSpace& space, VirtAddr start) {
    bool all = true;
    m_tables.for_each_entry(space, start, start + HugePages::bytes, [&](VirtAddr, PteSlot slot) {
        const Pfn frame = slot.entry->frame();
        all = all && slot.entry->present() && (is_zero_page(frame) || collapsible(frame));
    });
    return all;
}

/// __collapse_huge_page_copy of one page.
void VirtualMemory::collapse_page(Operation& op, AddressSpace& space, const Vma& area, PteSlot slot,
                                  Pfn target) {
    const PageTableEntry entry = slot ? std::exchange(*slot.entry, PageTableEntry{}) : PageTableEntry{};
    if (slot) m_tables.store(op, slot);
    const Pfn frame = entry.frame();
    if (entry.empty() || is_zero_page(frame)) {
        op.path.call(KernelFunction::ClearSubpage);
        return op.path.clear_pages(target, 0);
    }
    op.path.call(KernelFunction::CollapsePte);
    op.path.copy_page(target, frame);
    if (!m_huge.is_part(frame)) { // it was taken off its list, and goes back by way of a batch
        op.path.call(KernelFunction::IsolatePage);
        m_frames.lru().remove(frame);
        m_lru.add(op, frame);
    }
    op.path.call(KernelFunction::PageRemoveRmap);
    (void)drop_page(op, space, entry, area);
    m_huge.put(op, frame);
}

} // namespace pagewalk::os
