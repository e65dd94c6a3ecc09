#include "os/vm/virtual_memory.h"

#include <algorithm>

// What happens to entries of level 2 that map huge pages. Source: mm/huge_memory.c of Linux 6.1 as its
// captures show it (groundtruth/proc/facts.md, placement/README.md).
namespace pagewalk::os {
namespace {

VirtAddr huge_start(VirtAddr address) { return VirtAddr(address.value() & ~(HugePages::bytes - 1)); }

} // namespace

/// zap_huge_pmd: takes the entry out. Returns the page, whose reference is the caller's now; no_pfn where
/// it was the zero page.
Pfn VirtualMemory::zap_huge(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start,
                            PteSlot slot) {
    const Pfn head = slot.entry->frame();
    *slot.entry = PageTableEntry{};
    op.path.call(KernelFunction::ZapHugePmd);
    m_tables.store(op, slot);
    m_tables.free_deposited(op, space, start, slot);
    if (is_zero_page(head)) return no_pfn;
    PageDescriptor& page = m_frames.pages().at(head);
    op.path.store_page(head);
    if (area.has(vm::locked)) unlock_page(head);
    const std::uint64_t unmapped = m_huge.remove_whole(head);
    if (m_huge.whole_mappings(head) == 0) --m_counters.nr_anon_thps;
    m_counters.nr_anon_pages -= unmapped;
    space.anon_pages -= HugePages::frames;
    return head;
}

/// __split_huge_pmd: 512 entries of level 1 map the same frames, the small zero page for the huge one.
void VirtualMemory::split_mapping(Operation& op, AddressSpace& space, PteSlot slot, VirtAddr address) {
    const PageTableEntry old = *slot.entry;
    const bool zero = is_zero_page(old.frame());
    ++m_counters.thp_split_pmd;
    op.path.call(zero ? KernelFunction::SplitHugeZeroPmd : KernelFunction::SplitHugePmd, HugePages::frames);
    lock_table(op, slot);
    m_tables.split(op, space, address, slot);
    const std::uint64_t flags =
        old.without(PageTableEntry::Huge).raw() ^ PageTableEntry(old.frame(), 0).raw();
    const VirtAddr start = huge_start(address);
    for (std::uint64_t i = 0; i < HugePages::frames; ++i) {
        const PteSlot small = m_tables.find(space, start + i * page_size);
        *small.entry = PageTableEntry(zero ? m_frames.addresses().zero_page : old.frame() + i, flags);
        if (i % (line_size / sizeof(PageTableEntry)) == 0) m_tables.store(op, small);
        if (!zero) op.path.store_page(old.frame() + i);
    }
    if (!zero) {
        m_huge.split_mapping(old.frame());
        if (m_huge.whole_mappings(old.frame()) == 0) --m_counters.nr_anon_thps;
    }
    flush(op, space, start, start + HugePages::bytes, HugePages::bytes);
    unlock_table(op, slot);
}

/// vma_adjust_trans_huge: no huge page crosses the border of an area, nor of what is changed.
void VirtualMemory::split_huge_at(Operation& op, AddressSpace& space, VirtAddr at) {
    if (huge_start(at) == at) return;
    if (const PteSlot slot = m_tables.find_huge(space, at)) split_mapping(op, space, slot, at);
}

void VirtualMemory::split_ends(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    split_huge_at(op, space, start);
    split_huge_at(op, space, end);
}

bool VirtualMemory::split_huge_page(Operation& op, Pfn frame) {
    const Pfn head = m_huge.head_of(frame);
    const PageDescriptor& page = m_frames.pages().peek(head);
    if (page.refcount != 1 || !find_mappings(op, head, m_frames.mapping(head))) {
        ++m_counters.thp_split_page_failed;
        return false;
    }
    for (const MappedAt& at : m_found)
        if (at.slot.huge()) split_mapping(op, *at.space, at.slot, at.page);
    m_huge.break_up(op, head);
    return true;
}

/// Of a range, huge pages that are its own and only partly in it, or mapped by small entries, are split: what
/// follows is for each page by itself.
void VirtualMemory::split_parts(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    const auto split = [&](VirtAddr at, PteSlot slot) {
        const Pfn frame = slot.entry->frame();
        if (is_zero_page(frame) || !m_huge.is_part(frame) || m_huge.mapcount(frame) != 1) return;
        const bool whole = slot.huge() && at >= start && at + HugePages::bytes <= end;
        if (!whole) (void)split_huge_page(op, frame);
    };
    m_tables.for_each(space, start, end, split, split);
}

/// copy_huge_pmd: the child shares the huge page; neither may write to it. False when no memory is left.
bool VirtualMemory::copy_huge(Operation& op, AddressSpace& to, VirtAddr start, PteSlot slot) {
    const PteSlot target = m_tables.get_upper(op, to, start);
    if (!target) return false;
    op.path.call(KernelFunction::CopyHugePmd);
    const Pfn head = slot.entry->frame();
    const Pfn table = m_tables.allocate_leaf(op, to, start);
    if (table == no_pfn) return false;
    if (slot.entry->frame() != head) { // split to be reclaimed, while this one waited for memory
        m_tables.free_leaf(op, to, start, table);
        return static_cast<bool>(m_tables.get(op, to, start));
    }
    if (!is_zero_page(head)) {
        m_huge.add_whole(head);
        to.add_resident(AddressSpace::Resident::Anonymous, HugePages::frames);
        op.path.store_page(head);
    }
    m_tables.deposit(target, table);
    *slot.entry = slot.entry->without(PageTableEntry::Writable);
    *target.entry = slot.entry->without(PageTableEntry::Accessed);
    m_tables.store(op, slot);
    m_tables.store(op, target);
    return true;
}

} // namespace pagewalk::os
