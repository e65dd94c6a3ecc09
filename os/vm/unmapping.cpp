#include "base/error.h"
#include "os/path/tlb_flush_ceiling.h"
#include "os/vm/khugepaged.h"
#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t entries_per_line = line_size / sizeof(PageTableEntry);
constexpr std::uint16_t last_pcid = 4095;

bool is_anonymous(const PageDescriptor& page) { return (page.owner_flags & frame_flags::anonymous) != 0; }

} // namespace

VirtualMemory::VirtualMemory(const Parts& parts, const VmConfig& config, std::size_t cpus)
    : m_frames(parts.frames), m_objects(parts.objects), m_files(parts.files), m_lru(parts.lru),
      m_tables(parts.tables), m_counters(parts.counters), m_runner(parts.runner), m_swap(parts.swap),
      m_config(config), m_anon(parts.objects), m_huge(parts.frames, parts.counters),
      m_hugetlb(parts.frames, parts.counters), m_hugetlb_files(parts.files, m_hugetlb),
      m_gather({parts.frames, parts.lru, m_huge, m_hugetlb, parts.swap}), m_cpus(cpus),
      m_loaded(cpus, nullptr) {
    m_files.on_hugetlb_gone([this](Operation& op, InodeId file) { m_hugetlb_files.forget(op, file); });
}

std::shared_ptr<AddressSpace> VirtualMemory::create(Operation& op) {
    const FunctionScope allocating = in(op, TracedFunction::MmAlloc);
    auto space = std::make_shared<AddressSpace>(m_runner);
    space->users = 1;
    space->object = m_objects.allocate(op, ObjectKind::Mm);
    const FunctionScope initialising = in(op, TracedFunction::MmInit);
    op.path.call(KernelFunction::MmInit);
    space->tlb_seen.resize(m_cpus);
    space->tlb_generation =
        1; // no CPU has seen it: each flushes what it may hold of the number's earlier owner
    if (!m_tables.create_root(op, *space)) {
        m_objects.free(op, ObjectKind::Mm, space->object);
        return nullptr;
    }
    if (m_free_pcids.empty()) {
        if (m_next_pcid > last_pcid)
            throw RunError("more than 4095 address spaces at a time are not supported");
        space->pcid = m_next_pcid++;
    } else {
        space->pcid = m_free_pcids.back();
        m_free_pcids.pop_back();
    }
    m_spaces.push_back(space.get());
    return space;
}

VirtualMemory::Dropped VirtualMemory::drop_page(Operation& op, AddressSpace& space, PageTableEntry entry,
                                                const Vma& area) {
    const Pfn frame = entry.frame();
    if (frame == m_frames.addresses().zero_page) return Dropped::NoPage;
    PageDescriptor& page = m_frames.pages().at(frame);
    op.path.store_page(frame);
    if (area.has(vm::locked) && !m_huge.is_part(frame)) unlock_page(frame);
    const bool last = m_huge.remove_mapping(frame);
    if ((page.owner_flags & frame_flags::anonymous) != 0) {
        --space.anon_pages;
        if (last) --m_counters.nr_anon_pages;
    } else {
        --space.file_pages;
        if (last) --m_counters.nr_mapped;
        const bool writable_file = area.has(vm::shared) && (page.owner_flags & frame_flags::file) != 0;
        if (writable_file && entry.has(PageTableEntry::Dirty) &&
            (page.owner_flags & (frame_flags::dirty | frame_flags::swapbacked)) == 0)
            m_files.set_dirty(op, frame);
    }
    return last ? Dropped::LastMapping : Dropped::Mapping;
}

void VirtualMemory::drop_swap_entry(Operation& op, AddressSpace& space, PteSlot slot) {
    const SwapSlot gone = slot_of(*slot.entry);
    *slot.entry = PageTableEntry{};
    --space.swap_pages;
    m_swap.drop(op, gone);
}

/// Gives a reference back; a page that nobody maps leaves the swap cache with it.
void VirtualMemory::put_page(Operation& op, Pfn frame) {
    if (m_frames.pages().peek(frame).mapcount == 0) (void)m_swap.try_to_free(op, frame);
    m_huge.put(op, frame);
}

void VirtualMemory::zap(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start, VirtAddr end,
                        Copies copies) {
    op.path.call(KernelFunction::UnmapPageRange);
    if (area.has(vm::hugetlb)) return zap_hugetlb(op, space, area, start, end);
    split_ends(op, space, start, end);
    std::uint32_t pages = 0, mappings = 0, last_mappings = 0;
    PhysAddr line{~0ULL};
    const auto charge = [&] {
        op.path.call(KernelFunction::ZapPte, std::exchange(pages, 0));
        op.path.call(KernelFunction::PageRemoveRmap, std::exchange(mappings, 0));
        op.path.call(KernelFunction::PageRemoveLastRmap, std::exchange(last_mappings, 0));
    };
    const auto gather = [&](Pfn frame) {
        if (m_gather.add(op, frame) != PageGather::Full::Yes) return;
        flush(op, space, start, end);
        m_gather.flush(op);
    };
    // Where a table had dirty pages of files, what was gathered goes before the next table.
    Pfn dirty_table = no_pfn;
    const auto flush_dirty = [&] {
        if (std::exchange(dirty_table, no_pfn) == no_pfn) return;
        flush(op, space, start, end);
        m_gather.flush(op);
    };
    const auto zap_small = [&](VirtAddr, PteSlot slot) {
        if (slot.table != dirty_table) flush_dirty();
        if (const PhysAddr touched = slot.address().line(); touched != line) op.path.store(line = touched);
        const PageTableEntry entry = *slot.entry;
        if (is_swap(entry)) {
            if (copies == Copies::Go) drop_swap_entry(op, space, slot);
            return;
        }
        if (copies == Copies::Stay && is_anonymous(m_frames.pages().peek(entry.frame()))) return;
        *slot.entry = PageTableEntry{};
        const bool of_file = !is_anonymous(m_frames.pages().peek(entry.frame()));
        const bool is_zero = entry.frame() == m_frames.addresses().zero_page;
        if (of_file && !is_zero && entry.has(PageTableEntry::Accessed) && !area.has(vm::sequential))
            m_files.mark_accessed(op, entry.frame());
        const Dropped dropped = drop_page(op, space, entry, area);
        if (dropped != Dropped::NoPage) ++mappings;
        if (dropped == Dropped::LastMapping) ++last_mappings;
        if (++pages == entries_per_line) charge(); // the functions loop over the entries of a line
        if (is_zero) return;
        if (of_file && entry.has(PageTableEntry::Dirty)) {
            dirty_table = slot.table;
            PageDescriptor& page = m_frames.pages().at(entry.frame());
            if (frame_flags::is_shmem(page.owner_flags)) page.owner_flags |= frame_flags::dirty;
        }
        gather(entry.frame());
    };
    m_tables.for_each_entry(space, start, end, zap_small, [&](VirtAddr at, PteSlot slot) {
        if (const Pfn head = zap_huge(op, space, area, at, slot); head != no_pfn) gather(head);
    });
    flush_dirty();
    charge();
}

void VirtualMemory::flush(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
                          std::uint64_t stride) {
    if ((end - start) / stride > tlb_single_page_flush_ceiling) {
        flush_all(op, space);
        return;
    }
    op.path.call(KernelFunction::FlushTlbRange);
    ++m_counters.tlb_flushes;
    ++space.tlb_generation;
    for (std::size_t i = 0; i < m_cpus; ++i)
        if (space.cpus[i]) space.tlb_seen[CpuId(static_cast<std::uint16_t>(i))] = space.tlb_generation;
    op.path.flush_tlb({TlbInvalidation::Scope::Range, space.pcid, start.page(), end, space.cpus});
}

void VirtualMemory::flush_all(Operation& op, AddressSpace& space) {
    op.path.call(KernelFunction::FlushTlbRange);
    ++m_counters.tlb_flushes;
    ++space.tlb_generation;
    for (std::size_t i = 0; i < m_cpus; ++i)
        if (space.cpus[i]) space.tlb_seen[CpuId(static_cast<std::uint16_t>(i))] = space.tlb_generation;
    op.path.flush_tlb({TlbInvalidation::Scope::AddressSpace, space.pcid, {}, {}, space.cpus});
}

void VirtualMemory::free_tables(Operation& op, AddressSpace& space, std::size_t first, std::size_t last,
                                VirtAddr floor, VirtAddr ceiling) {
    VmaList& areas = space.areas;
    for (std::size_t i = first; i < last;) {
        const VirtAddr start = areas[i].start;
        op.path.call(KernelFunction::FreePgtables);
        op.path.load(areas[i].object);
        std::size_t next = i + 1;
        // Neighbours that could share a table are done in one go.
        for (; next < last && areas[next].start <= areas[next - 1].end + level_span(2); ++next)
            op.path.call(KernelFunction::FreePgtables);
        for (std::size_t j = i; j < next; ++j) m_anon.unlink(op, areas[j]);
        op.path.call(KernelFunction::FreePgdRange);
        m_freed_tables.clear();
        m_tables.free_range(op, space, start, areas[next - 1].end, floor,
                            next < last ? areas[next].start : ceiling, m_freed_tables);
        for (const Pfn table : m_freed_tables)
            if (m_gather.add(op, table) == PageGather::Full::Yes) {
                flush_all(op, space);
                m_gather.flush(op);
            }
        i = next;
    }
}

void VirtualMemory::discard(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    const MmapReadLocked locked(op, space);
    m_lru.drain(op);
    for (std::size_t i = space.areas.find(start); i < space.areas.size() && space.areas[i].start < end; ++i)
        zap(op, space, space.areas[i], std::max(start, space.areas[i].start),
            std::min(end, space.areas[i].end));
    flush(op, space, start, end);
    op.path.call(KernelFunction::TlbFinish);
    m_gather.flush(op);
    m_gather.finish(op);
}

void VirtualMemory::unmap_file(Operation& op, InodeId inode, const FilePages& pages, Copies copies) {
    for (AddressSpace* space : m_spaces) {
        for (const Vma& area : space->areas) {
            if (area.inode != inode) continue;
            const std::uint64_t first = std::max(pages.first, area.page_offset);
            const std::uint64_t end = std::min(pages.end, area.page_offset + area.pages());
            if (first >= end) continue;
            const VirtAddr start = area.start + ((first - area.page_offset) << page_shift);
            const VirtAddr stop = start + ((end - first) << page_shift);
            op.path.load(area.object);
            m_lru.drain(op);
            zap(op, *space, area, start, stop, copies);
            flush(op, *space, start, stop);
            m_gather.flush(op);
            m_gather.finish(op);
        }
    }
}

void VirtualMemory::reap(Operation& op, AddressSpace& space) {
    if (space.mmap_lock.write_locked()) return; // mmap_read_trylock: its areas are being changed
    m_lru.drain(op);
    for (const Vma& area : space.areas) {
        if (!area.is_private() || !area.anonymous() || area.has(vm::locked)) continue;
        zap(op, space, area, area.start, area.end);
        flush(op, space, area.start, area.end);
        m_gather.flush(op);
    }
    m_gather.finish(op);
}

void VirtualMemory::age(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    space.mmap_lock.lock(op, RwSemaphore::Access::Read);
    m_lru.drain(op);
    split_parts(op, space, start, end);
    bool changed = false;
    const auto age_entry = [&](VirtAddr, PteSlot slot) {
        changed = changed || slot.entry->has(PageTableEntry::Accessed);
        *slot.entry = slot.entry->without(PageTableEntry::Accessed);
        if (is_zero_page(slot.entry->frame())) return;
        PageDescriptor& page = m_frames.pages().at(slot.entry->frame());
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::referenced);
        m_lru.deactivate(op, slot.entry->frame());
    };
    m_tables.for_each(space, start, end, age_entry, age_entry);
    if (changed) flush(op, space, start, end);
    space.mmap_lock.unlock(op, RwSemaphore::Access::Read);
}

void VirtualMemory::mark_free(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    std::uint32_t pages = 0;
    space.mmap_lock.lock(op, RwSemaphore::Access::Read);
    m_lru.drain(op);
    split_parts(op, space, start, end);
    const auto free_entry = [&](VirtAddr, PteSlot slot) {
        if (is_swap(*slot.entry)) return drop_swap_entry(op, space, slot);
        const Pfn frame = slot.entry->frame();
        if (is_zero_page(frame)) return;
        PageDescriptor& page = m_frames.pages().at(frame);
        if (!is_anonymous(page) || m_huge.mapcount(frame) != 1) return; // others may need what it holds
        if (m_swap.caches(frame) && !m_swap.try_to_free(op, frame)) return;
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
        *slot.entry = slot.entry->without(PageTableEntry::Dirty | PageTableEntry::Accessed);
        m_lru.give_up(op, frame);
        if (pages++ % entries_per_line == 0) m_tables.store(op, slot);
    };
    m_tables.for_each_entry(space, start, end, free_entry, free_entry);
    op.path.call(KernelFunction::ChangePte, pages);
    if (pages != 0) flush(op, space, start, end);
    space.mmap_lock.unlock(op, RwSemaphore::Access::Read);
}

/// Files are let go when the call is over, the last first.
void VirtualMemory::drop_files(Operation& op, AddressSpace& space, std::size_t first, std::size_t last) {
    for (std::size_t i = last; i-- != first;)
        if (const InodeId inode = std::exchange(space.areas[i].inode, no_inode); inode != no_inode)
            m_files.drop_user(op, inode);
}

void VirtualMemory::tear_down(Operation& op, AddressSpace& space) {
    op.path.call(KernelFunction::ExitMmap);
    if (m_khugepaged != nullptr) m_khugepaged->leave(op, space);
    m_lru.drain(op);
    for (const Vma& area : space.areas) zap(op, space, area, area.start, area.end);
    free_tables(op, space, 0, space.areas.size(), VirtAddr{}, VirtAddr{});
    flush_all(op, space);
    op.path.call(KernelFunction::TlbFinish);
    m_gather.flush(op);
    m_gather.finish(op);
    drop_files(op, space, 0, space.areas.size());
    for (Vma& area : space.areas) remove_area(op, area);
    space.areas.clear();
    fit_tree(op, space);
    PAGEWALK_INVARIANT(space.anon_pages == 0 && space.file_pages == 0 && space.table_pages == 0);
    PAGEWALK_INVARIANT(space.swap_pages == 0 && space.hugetlb_pages == 0);
}

void VirtualMemory::destroy(Operation& op, AddressSpace& space) {
    if (space.users != 0) return;
    for (AddressSpace*& loaded : m_loaded)
        if (loaded == &space) loaded = nullptr;
    std::erase(m_spaces, &space);
    m_tables.destroy_root(op, space);
    m_objects.free(op, ObjectKind::Mm, space.object);
    m_free_pcids.insert(m_free_pcids.begin(), space.pcid);
}

} // namespace pagewalk::os
