#include "base/error.h"
#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

VirtAddr page_up(VirtAddr address) { return VirtAddr((address.value() + page_size - 1) & ~(page_size - 1)); }

/// Bytes from here to the end of what one level-1 table maps.
std::uint64_t left_in_table(VirtAddr at) { return level_span(2) - (at.value() & (level_span(2) - 1)); }

bool same_policy(const Vma& left, const Vma& right) {
    if (left.policy == nullptr || right.policy == nullptr) return left.policy == right.policy;
    return *left.policy == *right.policy;
}

/// Are they of one piece, but for what anonymous pages of theirs belong to? Areas of the kernel's and of
/// hugetlbfs never are (VM_SPECIAL).
bool is_continued(const Vma& left, const Vma& right) {
    return !left.has(vm::dont_expand) && left.end == right.start && left.flags == right.flags &&
           left.inode == right.inode && left.readahead == right.readahead && same_policy(left, right) &&
           right.page_offset == left.page_offset + left.pages();
}

/// is_mergeable_anon_vma: may `neighbour` grow over `area`? They are of one anon_vma, or the neighbour is and
/// has never been forked, and the area has none yet. An area that has one does not join a neighbour without.
bool takes_pages_of(const Vma& neighbour, const Vma& area) {
    if (neighbour.anon == area.anon) return true;
    return area.anon == no_anon_vma && neighbour.chain.size() == 1;
}

/// can_vma_merge_after and can_vma_merge_before
bool grows_up_over(const Vma& left, const Vma& area) {
    return is_continued(left, area) && takes_pages_of(left, area);
}
bool grows_down_over(const Vma& right, const Vma& area) {
    return is_continued(area, right) && takes_pages_of(right, area);
}

/// May the two neighbours become one, which an area between them joins?
bool joins_over(const Vma& left, const Vma& right) {
    return left.anon == right.anon || left.anon == no_anon_vma || right.anon == no_anon_vma;
}

} // namespace

// The maple tree of the areas: leaves of 16 ranges (areas and the gaps between them) below nodes of 10
// children. Nodes are taken to be as full as they can be, with a gap between any two areas. Source: struct
// maple_range_64 and maple_arange_64 of Linux 6.1
void VirtualMemory::fit_tree(Operation& op, AddressSpace& space) {
    constexpr std::size_t leaf_slots = 16, branch_slots = 10;
    const std::size_t ranges = space.areas.empty() ? 0 : 2 * space.areas.size() + 1;
    std::size_t nodes = 0;
    for (std::size_t level = (ranges + leaf_slots - 1) / leaf_slots; level != 0;
         level = level == 1 ? 0 : (level + branch_slots - 1) / branch_slots)
        nodes += level;
    while (space.tree_nodes.size() < nodes)
        space.tree_nodes.push_back(m_objects.allocate(op, ObjectKind::MapleNode));
    while (space.tree_nodes.size() > nodes) {
        m_objects.free(op, ObjectKind::MapleNode, space.tree_nodes.back());
        space.tree_nodes.pop_back();
    }
}

void VirtualMemory::adopt_chain(Operation& op, Vma& into, const Vma& from) {
    if (into.anon == no_anon_vma && from.anon != no_anon_vma) m_anon.clone(op, from, into);
}

void VirtualMemory::remove_area(Operation& op, Vma& area) {
    op.path.call(KernelFunction::RemoveVma);
    m_anon.unlink(op, area);
    if (const auto reservation = std::exchange(area.reservation, nullptr); reservation != nullptr) {
        const std::uint64_t frames = frames_of(reservation->size());
        const std::uint64_t first = area.page_offset / frames;
        m_hugetlb_files.close(op, *reservation, first, first + area.pages() / frames);
    }
    if (area.inode != no_inode) m_files.drop_user(op, area.inode);
    m_objects.free(op, ObjectKind::VmArea, area.object);
}

void VirtualMemory::split(Operation& op, AddressSpace& space, std::size_t index, VirtAddr at) {
    split_huge_at(op, space, at);
    op.path.call(KernelFunction::VmAreaDup);
    Vma upper = space.areas[index];
    upper.chain.clear();
    upper.object = m_objects.allocate(op, ObjectKind::VmArea);
    upper.page_offset += (at - upper.start) >> page_shift;
    upper.start = at;
    m_anon.clone(op, space.areas[index], upper);
    op.path.call(KernelFunction::VmaAdjust);
    op.path.store(space.areas[index].object);
    if (upper.inode != no_inode) m_files.add_user(upper.inode);
    space.areas[index].end = at;
    space.areas.insert(index + 1, std::move(upper));
}

/// Splits at both ends where the range cuts areas. Returns the index of the first area in the range.
std::size_t VirtualMemory::isolate(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    std::size_t first = space.areas.find(start);
    if (first < space.areas.size() && space.areas[first].start < start) split(op, space, first++, start);
    const std::size_t last = space.areas.find(end);
    if (last < space.areas.size() && space.areas[last].start < end) split(op, space, last, end);
    return first;
}

void VirtualMemory::insert_or_merge(Operation& op, AddressSpace& space, Vma area) {
    const std::size_t at = space.areas.find(area.start);
    const bool after = at < space.areas.size() && grows_down_over(space.areas[at], area);
    // mmap_region joins a new area to what follows it and then asks what precedes them; vma_merge, which puts
    // in areas that have been elsewhere, asks both about the area itself.
    const bool is_new = area.object == VirtAddr{};
    const Vma& joined = is_new && after ? space.areas[at] : area;
    const bool before =
        at > 0 && is_continued(space.areas[at - 1], area) && takes_pages_of(space.areas[at - 1], joined);
    if (before && after && joins_over(space.areas[at - 1], space.areas[at])) {
        Vma& left = space.areas[at - 1];
        adopt_chain(op, left, space.areas[at]);
        left.end = space.areas[at].end;
        op.path.store(left.object);
        remove_area(op, space.areas[at]);
        space.areas.erase(at, at + 1);
        return;
    }
    if (before) {
        space.areas[at - 1].end = area.end;
        op.path.store(space.areas[at - 1].object);
        return;
    }
    if (after) {
        space.areas[at].start = area.start;
        space.areas[at].page_offset = area.page_offset;
        op.path.store(space.areas[at].object);
        return;
    }
    op.path.call(KernelFunction::VmAreaAlloc);
    area.object = m_objects.allocate(op, ObjectKind::VmArea);
    if (area.inode != no_inode) m_files.add_user(area.inode);
    space.areas.insert(at, std::move(area));
}

void VirtualMemory::map(Operation& op, AddressSpace& space, const MapRequest& request) {
    const VirtAddr end = page_up(request.start + request.bytes);
    if (end <= request.start) return;
    const MmapWriteLocked locked(op, space);
    op.path.call(KernelFunction::DoMmap);
    op.path.call(KernelFunction::DoMasMunmap);
    const std::size_t there = space.areas.find(request.start);
    if (there < space.areas.size() && space.areas[there].start < end)
        unmap(op, space, request.start, end - request.start);
    op.path.call(KernelFunction::MmapRegion);
    Vma area;
    area.start = request.start;
    area.end = end;
    area.flags = request.flags;
    area.inode = request.inode;
    area.readahead = request.readahead;
    area.page_offset = request.inode == no_inode ? vpn_of(request.start).value() : request.page_offset;
    area.reservation = request.reservation;
    insert_or_merge(op, space, std::move(area));
    fit_tree(op, space);
}

void VirtualMemory::munmap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
    const MmapWriteLocked locked(op, space);
    op.path.call(KernelFunction::SysMunmap);
    unmap(op, space, start, bytes);
}

void VirtualMemory::unmap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
    const VirtAddr end = page_up(start + bytes);
    const std::size_t there = space.areas.find(start);
    if (there == space.areas.size() || space.areas[there].start >= end) return;
    const std::size_t first = isolate(op, space, start, end);
    std::size_t last = first;
    m_lru.drain(op);
    for (; last < space.areas.size() && space.areas[last].start < end; ++last)
        zap(op, space, space.areas[last], space.areas[last].start, space.areas[last].end);
    const VirtAddr floor = first > 0 ? space.areas[first - 1].end : VirtAddr{};
    const VirtAddr ceiling = last < space.areas.size() ? space.areas[last].start : VirtAddr{};
    free_tables(op, space, first, last, floor, ceiling);
    flush(op, space, start, end);
    op.path.call(KernelFunction::TlbFinish);
    m_gather.flush(op);
    m_gather.finish(op);
    drop_files(op, space, first, last);
    for (std::size_t i = first; i < last; ++i) remove_area(op, space.areas[i]);
    space.areas.erase(first, last);
    fit_tree(op, space);
}

/// Will others that the page is swapped out for want what it holds now?
bool VirtualMemory::is_shared_in_swap(Pfn frame) const {
    return m_swap.caches(frame) && m_swap.area().references(m_swap.slot_of(frame)) != 0;
}

/// Does a write to this page need no fault: no copy to be made, no file page to be marked dirty?
bool VirtualMemory::may_write(const Vma& area, PageTableEntry entry) const {
    if (!area.has(vm::write) || entry.frame() == m_frames.addresses().zero_page) return false;
    const PageDescriptor& page = m_frames.pages().peek(entry.frame());
    if (area.has(vm::shared))
        return entry.has(PageTableEntry::Dirty) || frame_flags::is_shmem(page.owner_flags);
    if ((page.owner_flags & frame_flags::anonymous) == 0 || m_huge.mapcount(entry.frame()) != 1) return false;
    return !is_shared_in_swap(entry.frame());
}

std::size_t VirtualMemory::change_area(Operation& op, AddressSpace& space, std::size_t index, VirtAddr start,
                                       VirtAddr end, const AreaProperties& properties) {
    VmaList& areas = space.areas;
    op.path.call(KernelFunction::VmaMerge);
    Vma part = areas[index];
    part.page_offset += (start - part.start) >> page_shift;
    part.start = start;
    part.end = end;
    part.flags = properties.flags;
    part.policy = properties.policy;
    const bool whole_left = areas[index].start == start;
    const bool whole_right = areas[index].end == end;
    const bool before = whole_left && index > 0 && grows_up_over(areas[index - 1], part);
    const bool after = whole_right && index + 1 < areas.size() && grows_down_over(areas[index + 1], part);
    if (before) {
        Vma& left = areas[index - 1];
        adopt_chain(op, left, areas[index]);
        op.path.call(KernelFunction::VmaAdjust);
        op.path.store(left.object);
        left.end = end;
        if (!whole_right) {
            split_huge_at(op, space, end);
            areas[index].page_offset += (end - areas[index].start) >> page_shift;
            areas[index].start = end;
            return index;
        }
        std::size_t gone = 1;
        if (after && joins_over(left, areas[index + 1])) {
            adopt_chain(op, left, areas[index + 1]);
            left.end = areas[index + 1].end;
            gone = 2;
        }
        for (std::size_t i = index; i < index + gone; ++i) remove_area(op, areas[i]);
        areas.erase(index, index + gone);
        return index;
    }
    if (after) {
        Vma& right = areas[index + 1];
        adopt_chain(op, right, areas[index]);
        op.path.call(KernelFunction::VmaAdjust);
        op.path.store(right.object);
        right.start = start;
        right.page_offset = part.page_offset;
        if (!whole_left) {
            split_huge_at(op, space, start);
            areas[index].end = start;
            return index + 2;
        }
        remove_area(op, areas[index]);
        areas.erase(index, index + 1);
        return index + 1;
    }
    if (!whole_left) split(op, space, index++, start);
    if (!whole_right) split(op, space, index, end);
    areas[index].flags = properties.flags;
    areas[index].policy = properties.policy;
    op.path.store(areas[index].object);
    return index + 1;
}

void VirtualMemory::advise(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
                           std::uint32_t set, std::uint32_t clear) {
    space.mmap_lock.lock(op, RwSemaphore::Access::Write);
    change_flags(op, space, start, end, set, clear);
    if ((set & vm::huge_page) != 0)
        for (std::size_t i = space.areas.find(start); i < space.areas.size() && space.areas[i].start < end;
             ++i)
            enter_khugepaged(op, space, space.areas[i]);
    if (((set | clear) & vm::locked) != 0) lock_pages(op, space, start, end);
    space.mmap_lock.unlock(op, RwSemaphore::Access::Write);
}

/// mlock_vma_pages_range: pages of locked areas are out of reclaim's reach, others are not. Parts of huge
/// pages stay as they are.
void VirtualMemory::lock_pages(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end) {
    m_lru.drain(op);
    for (std::size_t i = space.areas.find(start); i < space.areas.size() && space.areas[i].start < end; ++i) {
        const Vma& area = space.areas[i];
        const bool locked = area.has(vm::locked);
        const auto lock = [&](VirtAddr, PteSlot slot) {
            const Pfn frame = slot.entry->frame();
            if (is_zero_page(frame) || (!slot.huge() && m_huge.is_part(frame))) return;
            locked ? lock_page(frame) : unlock_page(frame);
        };
        m_tables.for_each(space, std::max(start, area.start), std::min(end, area.end), lock, lock);
    }
}

void VirtualMemory::lock_page(Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & frame_flags::mlocked) != 0) return;
    page.owner_flags |= frame_flags::mlocked;
    m_counters.nr_mlock += page.frames();
    m_counters.unevictable_pgs_mlocked += page.frames();
    if (!page.is(PageState::Lru) || (page.owner_flags & frame_flags::unevictable) != 0) return;
    m_frames.lru().change_flags(frame, frame_flags::unevictable, frame_flags::active);
    m_counters.unevictable_pgs_culled += page.frames();
}

void VirtualMemory::unlock_page(Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    if ((page.owner_flags & frame_flags::mlocked) == 0) return;
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::mlocked);
    m_counters.nr_mlock -= page.frames();
    m_counters.unevictable_pgs_munlocked += page.frames();
    if (!page.is(PageState::Lru) || (page.owner_flags & frame_flags::unevictable) == 0) return;
    m_frames.lru().change_flags(frame, 0, frame_flags::unevictable);
    m_counters.unevictable_pgs_rescued += page.frames();
}

void VirtualMemory::change_flags(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
                                 std::uint32_t set, std::uint32_t clear) {
    std::size_t i = space.areas.find(start);
    while (i < space.areas.size() && space.areas[i].start < end) {
        const Vma& area = space.areas[i];
        std::uint32_t flags = (area.flags & ~clear) | set;
        // Private memory counts towards the commit limit from when it first becomes writable.
        constexpr std::uint32_t counted = vm::account | vm::write | vm::shared | vm::no_reserve;
        if ((set & vm::write) != 0 && (area.flags & counted) == 0) flags |= vm::account;
        if (flags == area.flags)
            ++i;
        else
            i = change_area(op, space, i, std::max(start, area.start), std::min(end, area.end),
                            {flags, area.policy});
    }
    fit_tree(op, space);
}

void VirtualMemory::set_policy(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
                               const std::shared_ptr<MemoryPolicy>& policy) {
    std::size_t i = space.areas.find(start);
    while (i < space.areas.size() && space.areas[i].start < end) {
        const Vma& area = space.areas[i];
        i = change_area(op, space, i, std::max(start, area.start), std::min(end, area.end),
                        {area.flags, policy});
    }
    fit_tree(op, space);
}

void VirtualMemory::protect(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes,
                            std::uint32_t access) {
    const VirtAddr end = page_up(start + bytes);
    const MmapWriteLocked locked(op, space);
    op.path.call(KernelFunction::SysMprotect);
    change_flags(op, space, start, end, access, vm::access);
    std::uint64_t changed = 0;
    for (std::size_t i = space.areas.find(start); i < space.areas.size() && space.areas[i].start < end; ++i) {
        const Vma& area = space.areas[i];
        const VirtAddr from = std::max(start, area.start), to = std::min(end, area.end);
        if (area.has(vm::hugetlb)) {
            changed += protect_hugetlb(op, space, area, from, to);
            continue;
        }
        split_ends(op, space, from, to);
        const auto protect_entry = [&](VirtAddr, PteSlot slot) {
            const PageTableEntry old = *slot.entry;
            *slot.entry = protected_entry(area, slot);
            if (*slot.entry == old) return;
            ++changed;
            if (slot.index % 8 == 0 || changed == 1) m_tables.store(op, slot);
        };
        m_tables.for_each(space, from, to, protect_entry, protect_entry);
    }
    op.path.call(KernelFunction::ChangePte, static_cast<std::uint32_t>(changed));
    if (changed != 0) flush(op, space, start, end);
    op.path.call(KernelFunction::TlbFinish);
}

/// What an entry becomes when its area's rights have changed. A huge page's is made writable by a fault only.
PageTableEntry VirtualMemory::protected_entry(const Vma& area, PteSlot slot) const {
    const PageTableEntry old = *slot.entry;
    constexpr std::uint64_t kept = PageTableEntry::Accessed | PageTableEntry::Dirty;
    std::uint64_t flags = (entry_flags(area) & ~kept) | (old.raw() & kept);
    if (slot.huge() || !may_write(area, old)) flags &= ~std::uint64_t{PageTableEntry::Writable};
    if (slot.huge()) flags |= PageTableEntry::Huge;
    const PageTableEntry entry(old.frame(), flags);
    if ((area.flags & vm::access) != 0) return entry;
    return entry.without(PageTableEntry::Present).with(protection_none);
}

/// The break's own area grows; bss, which may end where it begins, does not.
void VirtualMemory::grow_break(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to) {
    Vma area;
    area.start = from;
    area.end = to;
    area.flags = vm::read | vm::write | vm::account | space.default_flags;
    area.page_offset = vpn_of(from).value();
    const std::size_t at = space.areas.find(from);
    if (at > 0 && space.areas[at - 1].end > space.brk_start && grows_up_over(space.areas[at - 1], area)) {
        space.areas[at - 1].end = to;
        op.path.store(space.areas[at - 1].object);
        return;
    }
    op.path.call(KernelFunction::VmAreaAlloc);
    area.object = m_objects.allocate(op, ObjectKind::VmArea);
    space.areas.insert(space.areas.find(from), std::move(area));
    fit_tree(op, space);
}

void VirtualMemory::set_break(Operation& op, AddressSpace& space, VirtAddr new_break) {
    op.path.call(KernelFunction::SysBrk);
    if (space.brk == VirtAddr{}) space.brk_start = space.brk = new_break;
    const VirtAddr new_end = page_up(new_break);
    if (new_end == page_up(space.brk)) {
        space.brk = new_break;
        return;
    }
    const MmapWriteLocked locked(op, space);
    const VirtAddr old_end = page_up(std::exchange(space.brk, new_break));
    op.path.call(KernelFunction::BrkChange);
    if (new_end > old_end) {
        grow_break(op, space, old_end, new_end);
    } else {
        unmap(op, space, new_end, old_end - new_end);
    }
}

/// move_ptes, within one table on either side. Returns how many entries there were.
std::uint32_t VirtualMemory::move_entries(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to,
                                          std::uint64_t bytes) {
    std::uint32_t pages = 0;
    if (m_tables.find(space, from)) (void)m_tables.get(op, space, to);
    m_tables.for_each_entry(space, from, from + bytes, [&](VirtAddr at, PteSlot slot) {
        const PteSlot target = m_tables.get(op, space, to + (at - from));
        if (!target) return; // out of memory for tables: the page is dropped with the old range
        *target.entry = *slot.entry;
        *slot.entry = PageTableEntry{};
        m_tables.store(op, target);
        ++pages;
    });
    return pages;
}

void VirtualMemory::remap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t old_bytes,
                          std::uint64_t new_bytes, VirtAddr moved_to, OldMapping old) {
    op.path.call(KernelFunction::SysMremap);
    VirtAddr old_end = page_up(start + old_bytes);
    const std::uint64_t size = page_up(VirtAddr(new_bytes)).value();
    const MmapWriteLocked locked(op, space);
    const std::size_t at = space.areas.find(start);
    if (at == space.areas.size() || !space.areas[at].contains(start)) return;
    const VirtAddr kept_end = std::min(old_end, start + size);
    const bool shrinks = moved_to == start && kept_end < old_end;
    if (!shrinks && space.areas[at].end < kept_end) return; // EFAULT: what stays must be of one area
    if (moved_to == start) {
        if (start + size < old_end) {
            unmap(op, space, start + size, old_end - (start + size));
        } else if (start + size > old_end) {
            Vma grown = space.areas[space.areas.find(start)];
            grown.chain.clear();
            grown.page_offset = grown.index_of(old_end);
            grown.start = old_end;
            grown.end = start + size;
            insert_or_merge(op, space, std::move(grown));
            fit_tree(op, space);
        }
        return;
    }
    unmap(op, space, moved_to, size);
    if (kept_end < old_end) unmap(op, space, kept_end, old_end - kept_end);
    old_end = kept_end;
    if (old_bytes == 0) {
        Vma copy = space.areas[space.areas.find(start)];
        copy.chain.clear();
        copy.anon = no_anon_vma;
        copy.page_offset = copy.index_of(start);
        copy.start = moved_to;
        copy.end = moved_to + size;
        insert_or_merge(op, space, std::move(copy));
        fit_tree(op, space);
        return;
    }
    const std::size_t first = isolate(op, space, start, old_end);
    Vma moved = space.areas[first];
    const std::uint64_t kept = std::min(size, old_end - start);
    moved.chain.clear();
    moved.anon = no_anon_vma;
    moved.start = moved_to;
    moved.end = moved_to + size;
    // Without pages of its own it is as a new one, and may become part of a neighbour.
    const bool as_new = space.areas[first].anon == no_anon_vma;
    if (as_new) {
        if (moved.anonymous()) moved.page_offset = vpn_of(moved_to).value();
    } else {
        moved.object = m_objects.allocate(op, ObjectKind::VmArea);
        m_anon.clone(op, space.areas[first], moved);
        if (moved.inode != no_inode) m_files.add_user(moved.inode);
    }
    std::uint32_t pages = 0;
    const bool hugetlb = moved.has(vm::hugetlb);
    space.areas[first].reservation.reset(); // the promises move too
    if (hugetlb) move_hugetlb(op, space, space.areas[first], moved_to, kept);
    for (std::uint64_t done = 0, part = 0; done < kept && !hugetlb; done += part) {
        const VirtAddr from = start + done, to = moved_to + done;
        part = std::min({kept - done, left_in_table(from), left_in_table(to)});
        const bool whole = part == level_span(2);
        if (const PteSlot huge = m_tables.find_huge(space, from)) {
            if (whole && m_tables.move_huge(op, space, from, huge, to)) continue;
            if (huge.entry->has(PageTableEntry::Huge)) split_mapping(op, space, huge, from);
        } else if (whole && m_tables.move_leaf_table(op, space, from, to)) {
            continue;
        }
        pages += move_entries(op, space, from, to, part);
    }
    op.path.call(KernelFunction::MovePte, pages);
    flush(op, space, start, old_end);
    if (as_new)
        insert_or_merge(op, space, std::move(moved));
    else
        space.areas.insert(space.areas.find(moved_to), std::move(moved));
    if (old == OldMapping::Goes) return unmap(op, space, start, old_end - start);
    Vma& left = space.areas[space.areas.find(start)];
    if (!left.anonymous() || left.anon == no_anon_vma) return;
    m_anon.unlink(op, left); // as a new one: it has no pages
    left.page_offset = vpn_of(left.start).value();
}

} // namespace pagewalk::os
