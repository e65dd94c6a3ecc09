#include "base/error.h"
#include "os/task/process_account.h"
#include "os/task/task.h"
#include "os/vm/area_policy.h"
#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr GfpMask user_gfp = gfp::highuser_movable | gfp::comp; // as vma_alloc_folio asks
constexpr std::uint64_t stack_guard = 256 * page_size;          // stack_guard_gap
constexpr std::uint64_t stray_span = 1ULL << 30; // assumed reach of a heap or array around a stray touch

/// While it lives, what the operation brings in is taken for used (lru_gen_enter_fault).
class LruFault {
public:
    LruFault(Operation& op, const Vma& area) : m_op(op) {
        op.in_lru_fault = !area.has(vm::sequential) && !area.has(vm::random);
    }
    ~LruFault() { m_op.in_lru_fault = false; }
    LruFault(const LruFault&) = delete;
    LruFault& operator=(const LruFault&) = delete;

private:
    Operation& m_op;
};

std::uint32_t right_of(FaultAccess access) {
    switch (access) {
    case FaultAccess::Write:
        return vm::write;
    case FaultAccess::Execute:
        return vm::exec;
    case FaultAccess::Read:
        break;
    }
    return vm::access; // x86 has no mapping that can be written or executed but not read
}

bool allows(PageTableEntry entry, FaultAccess access) {
    if (!entry.present()) return false;
    if (access == FaultAccess::Write) return entry.has(PageTableEntry::Writable);
    return access != FaultAccess::Execute || !entry.has(PageTableEntry::NoExecute);
}

} // namespace

std::uint64_t VirtualMemory::entry_flags(const Vma& area) const {
    return PageTableEntry::Present | PageTableEntry::User | PageTableEntry::Accessed |
           (area.has(vm::write) ? std::uint64_t{PageTableEntry::Writable} : 0) |
           (area.has(vm::exec) ? 0 : std::uint64_t{PageTableEntry::NoExecute});
}

/// Of a page cache page that is mapped to be read. A write to a file on a disk is to be noticed; one to
/// shared memory is not.
std::uint64_t VirtualMemory::shared_entry_flags(const Vma& area) const {
    const bool notices = !area.has(vm::shared) || m_files.at(area.inode).kind != InodeKind::Shmem;
    return notices ? entry_flags(area) & ~std::uint64_t{PageTableEntry::Writable} : entry_flags(area);
}

FileSystem::Page VirtualMemory::page_of_file(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const Readahead::MappedUse use = area.has(vm::random)       ? Readahead::MappedUse::Random
                                     : area.has(vm::sequential) ? Readahead::MappedUse::Sequential
                                                                : Readahead::MappedUse::Normal;
    // Shared memory is placed as whoever touches it first has it placed; a file's pages as their task says.
    std::optional<AreaPolicy> policy;
    if (m_files.at(area.inode).kind == InodeKind::Shmem) policy.emplace(op, area);
    return m_files.get_page_for_fault(
        op, {.inode = area.inode, .index = area.index_of(fault.page), .readahead = area.readahead.get()},
        use);
}

/// Did the fault let mmap_lock go, for reading or for reading ahead? Then it is tried again.
bool VirtualMemory::has_waited(const FileSystem::Page& page) const {
    return page.was_missing || page.looked_ahead || !m_files.ready(page);
}

/// page_mkwrite: the file system is told before a page of its can be written to.
void VirtualMemory::make_dirty(Operation& op, const Vma& area, Pfn frame) {
    if (m_files.at(area.inode).kind != InodeKind::Regular) {
        m_frames.pages().at(frame).owner_flags |= frame_flags::dirty;
        return;
    }
    op.path.call(KernelFunction::PageMkwrite);
    m_files.set_dirty(op, frame);
}

void VirtualMemory::lock_table(Operation& op, PteSlot slot) {
    op.path.acquire(kernel_layout::struct_page(slot.table) + 40); // ptl in struct page
}
void VirtualMemory::unlock_table(Operation& op, PteSlot slot) {
    op.path.release(kernel_layout::struct_page(slot.table) + 40);
}

/// The area that `address` belongs to, after a stack has grown; size() when there is none.
std::size_t VirtualMemory::area_for(Operation& op, AddressSpace& space, VirtAddr address) {
    VmaList& areas = space.areas;
    const std::size_t at = areas.find(address);
    if (at < areas.size() && areas[at].start <= address) return at;
    if (at < areas.size() && areas[at].has(vm::grows_down)) {
        Vma& stack = areas[at];
        const VirtAddr start = address.page();
        const bool room = at == 0 || areas[at - 1].end + stack_guard <= start;
        if (room && stack.end - start <= m_config.stack_limit) {
            stack.page_offset -= (stack.start - start) >> page_shift;
            stack.start = start;
            op.path.store(stack.object);
            return at;
        }
    }
    return areas.size();
}

/// An area around a touch outside all others; its index.
std::size_t VirtualMemory::add_stray_area(Operation& op, AddressSpace& space, VirtAddr address,
                                          StrayAccess stray) {
    VmaList& areas = space.areas;
    const std::size_t at = areas.find(address);
    const std::uint64_t span = stray == StrayAccess::Happened ? page_size : stray_span;
    Vma area;
    area.start = VirtAddr(address.value() & ~(span - 1));
    area.end = std::min(area.start + span, kernel_layout::user_end);
    if (at > 0) area.start = std::max(area.start, areas[at - 1].end);
    if (at < areas.size()) area.end = std::min(area.end, areas[at].start);
    area.flags = vm::read | vm::write | vm::exec;
    area.page_offset = vpn_of(area.start).value();
    insert_or_merge(op, space, std::move(area));
    return areas.find(address);
}

VirtualMemory::FaultResult VirtualMemory::fault(Operation& op, AddressSpace& space, VirtAddr address,
                                                FaultAccess access, StrayAccess stray) {
    std::optional<FaultKind> major;
    bool unexplained = false;
    for (;;) {
        FaultResult result = fault_once(op, space, address, access, stray);
        if (result.status == FaultStatus::Retry) {
            major = result.kind; // mm_account_fault: whatever had to be tried again
            count_attempt(op);
            unexplained = unexplained || result.unexplained;
            m_files.wait_for(op, result.page);
            continue;
        }
        if (result.status == FaultStatus::NoArea) {
            const MmapWriteLocked locked(op, space);
            if (area_for(op, space, address) == space.areas.size())
                (void)add_stray_area(op, space, address, stray);
            unexplained = true;
            continue;
        }
        if (major && result.status == FaultStatus::Done) result.kind = *major;
        result.unexplained = result.unexplained || unexplained;
        return result;
    }
}

VirtualMemory::FaultResult VirtualMemory::fault_once(Operation& op, AddressSpace& space, VirtAddr address,
                                                     FaultAccess access, StrayAccess stray) {
    op.path.call(KernelFunction::DoUserAddrFault);
    op.path.call(KernelFunction::LockMmAndFindVma);
    const MmapReadLocked locked(op, space);
    std::size_t area = area_for(op, space, address);
    if (area == space.areas.size()) {
        if (stray == StrayAccess::Kills || kernel_layout::is_kernel(address))
            return {FaultStatus::BadAddress, FaultKind::Kill};
        if (stray == StrayAccess::Happened) return {FaultStatus::NoArea, FaultKind::Kill};
        area =
            add_stray_area(op, space, address, stray); // a trace has one task: nobody else looks at the areas
    }
    bool unexplained = false;
    if (!space.areas[area].has(right_of(access))) {
        if (stray == StrayAccess::Kills) return {FaultStatus::BadAddress, FaultKind::Kill};
        space.areas[area].flags |= vm::access;
        unexplained = stray == StrayAccess::Happened;
    }
    op.path.load(space.areas[area].object);
    const FunctionScope scope = in(op, TracedFunction::HandleMmFault);
    op.path.call(KernelFunction::HandleMmFault);
    // Memory that a trace only reads was written before the trace begins: it has frames of its own, not the
    // zero page.
    const bool written_before = stray == StrayAccess::Maps && space.areas[area].anonymous();
    FaultResult result =
        handle(op, {space, area, address.page(), written_before ? FaultAccess::Write : access});
    result.unexplained = unexplained;
    return result;
}

VirtualMemory::FaultResult VirtualMemory::handle(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    if (area.has(vm::hugetlb)) return hugetlb_fault(op, fault);
    const LruFault in_fault(op, area);
    op.path.call(KernelFunction::WalkTables);
    PteSlot slot = m_tables.find(fault.space, fault.page);
    if (!slot && area.anonymous()) {
        if (const HugeResult result = huge_fault(op, fault)) return *result;
        slot = m_tables.find(fault.space, fault.page); // there is one where a huge page's entry was split
    }
    if (slot) op.path.load(slot.address());
    if (!slot || slot.entry->empty()) {
        if (area.anonymous()) return anonymous(op, fault);
        op.path.call(KernelFunction::DoFault);
        if (fault.access != FaultAccess::Write) return file_read(op, fault);
        return area.is_private() ? file_copy(op, fault) : shared_write(op, fault);
    }
    if (is_swap(*slot.entry)) return swapped_out(op, fault, slot);
    if ((slot.entry->raw() & numa_hint) != 0 && !slot.entry->present()) return numa_fault(op, fault, slot);
    if (allows(*slot.entry, fault.access)) {
        // Another thread was faster, or a TLB remembered less than the table allows.
        *slot.entry = slot.entry->with(PageTableEntry::Accessed);
        return {FaultStatus::Done, FaultKind::Spurious};
    }
    if (fault.access == FaultAccess::Write && slot.entry->present()) return write_protected(op, fault, slot);
    // The area allows what the entry does not: mprotect or a stray touch has widened it since.
    PageTableEntry entry(slot.entry->frame(), entry_flags(area) & ~std::uint64_t{PageTableEntry::Writable});
    if (slot.entry->has(PageTableEntry::Writable) && area.has(vm::write))
        entry = entry.with(PageTableEntry::Writable);
    *slot.entry = entry.with(slot.entry->raw() & PageTableEntry::Dirty);
    m_tables.store(op, slot);
    if (fault.access == FaultAccess::Write) return write_protected(op, fault, slot);
    return {FaultStatus::Done, FaultKind::Spurious};
}

Pfn VirtualMemory::new_anonymous_page(Operation& op, const FaultContext& fault, AllocationPurpose purpose,
                                      GfpMask mask) {
    op.path.call(KernelFunction::VmaAllocFolio);
    const AreaPolicy policy(op, fault.space.areas[fault.area]);
    const auto frame = m_frames.allocate(
        op, {.mask = mask, .purpose = purpose, .index = fault.space.areas[fault.area].index_of(fault.page)});
    if (!frame) return no_pfn;
    m_frames.pages().at(*frame).owner_flags =
        frame_flags::anonymous | frame_flags::swapbacked | frame_flags::uptodate;
    op.path.call(KernelFunction::MemCgroupCharge);
    return *frame;
}

void VirtualMemory::install_anonymous(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame,
                                      bool dirty) {
    const Vma& area = fault.space.areas[fault.area];
    PageDescriptor& page = m_frames.pages().at(frame);
    page.mapcount = 1;
    m_frames.set_mapping(frame, {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(area.anon),
                                 area.index_of(fault.page)});
    fault.space.add_resident(AddressSpace::Resident::Anonymous);
    ++m_counters.nr_anon_pages;
    op.path.call(KernelFunction::PageAddNewAnonRmap);
    op.path.store_page(frame);
    if (area.has(vm::locked) && !area.has(vm::dont_expand))
        m_lru.add_locked(op, frame);
    else
        m_lru.add(op, frame);
    *slot.entry =
        PageTableEntry(frame, entry_flags(area) | (dirty ? std::uint64_t{PageTableEntry::Dirty} : 0));
    m_tables.store(op, slot);
}

VirtualMemory::FaultResult VirtualMemory::anonymous(Operation& op, const FaultContext& fault) {
    AddressSpace& space = fault.space;
    const PteSlot slot = m_tables.get(op, space, fault.page);
    if (!slot) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (fault.access != FaultAccess::Write) {
        op.path.call(KernelFunction::MapZeroPage);
        const std::uint64_t flags =
            entry_flags(space.areas[fault.area]) & ~std::uint64_t{PageTableEntry::Writable};
        lock_table(op, slot);
        *slot.entry = PageTableEntry(m_frames.addresses().zero_page, flags);
        m_tables.store(op, slot);
        unlock_table(op, slot);
        return {FaultStatus::Done, FaultKind::AnonymousRead};
    }
    if (space.areas[fault.area].anon == no_anon_vma) m_anon.prepare(op, space.areas, fault.area);
    const Pfn frame = new_anonymous_page(op, fault, AllocationPurpose::Anonymous, user_gfp | gfp::zero);
    if (frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    op.path.call(KernelFunction::DoAnonymousPage);
    lock_table(op, slot);
    if (overtaken(op, slot, PageTableEntry{}, frame)) return {FaultStatus::Done, FaultKind::Spurious};
    install_anonymous(op, fault, slot, frame, true);
    unlock_table(op, slot);
    return {FaultStatus::Done, FaultKind::AnonymousWrite};
}

/// Did another fault change the entry while this one waited for memory? Then this one's page and lock are
/// given back: the access is tried again.
bool VirtualMemory::overtaken(Operation& op, PteSlot slot, PageTableEntry expected, Pfn frame) {
    if (slot.entry->raw() == expected.raw()) return false;
    unlock_table(op, slot);
    if (frame != no_pfn) m_frames.free(op, frame, 0);
    return true;
}

void VirtualMemory::install_file(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame,
                                 std::uint64_t flags) {
    PageDescriptor& page = m_frames.pages().at(frame);
    PAGEWALK_INVARIANT(page.refcount != 0xffff);
    ++page.refcount;
    if (++page.mapcount == 1) ++m_counters.nr_mapped;
    fault.space.add_resident(AddressSpace::Resident::File);
    op.path.call(KernelFunction::PageAddFileRmap);
    op.path.store_page(frame);
    *slot.entry = PageTableEntry(frame, flags);
}

/// Maps what the page cache has around the fault. Returns whether the faulting page was among it.
bool VirtualMemory::map_around(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const std::uint64_t window = m_config.fault_around_bytes;
    const VirtAddr start = std::max(area.start, VirtAddr(fault.page.value() & ~(window - 1)));
    const VirtAddr table_end = VirtAddr((fault.page.value() & ~(level_span(2) - 1)) + level_span(2));
    const VirtAddr end = std::min({area.end, table_end, start + window});
    if (!m_tables.get_range(op, fault.space, start, end)) return false;
    const PteSlot first = m_tables.find(fault.space, start);
    const std::uint64_t flags = shared_entry_flags(area);
    op.path.call(KernelFunction::FilemapMapPages);
    op.path.load(m_files.at(area.inode).object);
    lock_table(op, first);
    m_tables.store(op, first);
    bool mapped = false;
    for (VirtAddr at = start; at < end; at += page_size) {
        const PteSlot slot = m_tables.find(fault.space, at);
        if (!slot.entry->empty()) continue;
        const Pfn frame = m_files.find_page(op, area.inode, area.index_of(at));
        if (frame == no_pfn || !m_files.maps_beside(frame)) continue;
        op.path.call(KernelFunction::FilemapMapPage);
        install_file(op, fault, slot, frame, flags);
        mapped = mapped || at == fault.page;
    }
    unlock_table(op, first);
    return mapped;
}

VirtualMemory::FaultResult VirtualMemory::file_read(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const bool around = m_config.fault_around_bytes > page_size && m_files.at(area.inode).maps_around;
    if (around && map_around(op, fault)) return {FaultStatus::Done, FaultKind::FileMap};
    op.path.call(KernelFunction::FilemapFault);
    const FileSystem::Page page = page_of_file(op, fault);
    if (page.frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (has_waited(page)) return {FaultStatus::Retry, FaultKind::FileMajor, page};
    const PteSlot slot = m_tables.get(op, fault.space, fault.page);
    if (!slot) return {FaultStatus::NoMemory, FaultKind::Kill};
    // Memory for the table may have been made from the page itself.
    if (m_files.at(area.inode).pages.find(area.index_of(fault.page)) != page.frame)
        return {FaultStatus::Done, FaultKind::Spurious};
    op.path.call(KernelFunction::FinishFault);
    lock_table(op, slot);
    if (overtaken(op, slot, PageTableEntry{}, no_pfn)) return {FaultStatus::Done, FaultKind::Spurious};
    install_file(op, fault, slot, page.frame, shared_entry_flags(area));
    m_tables.store(op, slot);
    unlock_table(op, slot);
    if (m_files.at(area.inode).kind == InodeKind::Shmem) return {FaultStatus::Done, FaultKind::Shared};
    return {FaultStatus::Done, FaultKind::FileMap};
}

VirtualMemory::FaultResult VirtualMemory::file_copy(Operation& op, const FaultContext& fault) {
    AddressSpace& space = fault.space;
    if (!m_tables.add_upper(op, space, fault.page)) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (space.areas[fault.area].anon == no_anon_vma) m_anon.prepare(op, space.areas, fault.area);
    const Pfn frame = new_anonymous_page(op, fault, AllocationPurpose::CopyOnWrite, gfp::highuser_movable);
    if (frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    const PteSlot slot = m_tables.get(op, space, fault.page);
    const Vma& area = space.areas[fault.area];
    op.path.call(KernelFunction::FilemapFault);
    const FileSystem::Page source = slot ? page_of_file(op, fault) : FileSystem::Page{};
    if (source.frame == no_pfn) {
        m_frames.free(op, frame, 0);
        return {FaultStatus::NoMemory, FaultKind::Kill};
    }
    if (has_waited(source)) {
        m_frames.free(op, frame, 0);
        return {FaultStatus::Retry, FaultKind::FileMajor, source};
    }
    copy_contents(op, frame, source.frame);
    op.path.call(KernelFunction::FinishFault);
    lock_table(op, slot);
    if (overtaken(op, slot, PageTableEntry{}, frame)) return {FaultStatus::Done, FaultKind::Spurious};
    install_anonymous(op, fault, slot, frame, true);
    unlock_table(op, slot);
    return {FaultStatus::Done, FaultKind::FileCow};
}

VirtualMemory::FaultResult VirtualMemory::shared_write(Operation& op, const FaultContext& fault) {
    const Vma& area = fault.space.areas[fault.area];
    const PteSlot slot = m_tables.get(op, fault.space, fault.page);
    if (!slot) return {FaultStatus::NoMemory, FaultKind::Kill};
    op.path.call(KernelFunction::FilemapFault);
    const FileSystem::Page page = page_of_file(op, fault);
    if (page.frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (has_waited(page)) return {FaultStatus::Retry, FaultKind::FileMajor, page};
    make_dirty(op, area, page.frame);
    op.path.call(KernelFunction::FinishFault);
    lock_table(op, slot);
    if (overtaken(op, slot, PageTableEntry{}, no_pfn)) return {FaultStatus::Done, FaultKind::Spurious};
    install_file(op, fault, slot, page.frame, entry_flags(area) | PageTableEntry::Dirty);
    m_tables.store(op, slot);
    unlock_table(op, slot);
    return {FaultStatus::Done, FaultKind::Shared};
}

VirtualMemory::FaultResult VirtualMemory::write_protected(Operation& op, const FaultContext& fault,
                                                          PteSlot slot) {
    const Vma& area = fault.space.areas[fault.area];
    const Pfn frame = slot.entry->frame();
    constexpr std::uint64_t written =
        PageTableEntry::Writable | PageTableEntry::Dirty | PageTableEntry::Accessed;
    if (area.has(vm::shared)) {
        op.path.call(KernelFunction::WpPageReuse);
        make_dirty(op, area, frame);
        *slot.entry = slot.entry->with(written);
        m_tables.store(op, slot);
        return {FaultStatus::Done, FaultKind::MakeWritable};
    }
    if (frame != m_frames.addresses().zero_page) {
        const PageDescriptor& page = m_frames.pages().peek(frame);
        op.path.load_page(frame);
        if ((page.owner_flags & frame_flags::anonymous) != 0) {
            // References of this CPU's LRU batch and of the swap cache are no users of the page.
            const std::uint32_t sole = 1 + references_of_owner(frame);
            if (page.refcount == sole + 1 && (page.owner_flags & frame_flags::in_lru_batch) != 0)
                m_lru.drain(op);
            if (m_huge.references(frame) == sole && !is_shared_in_swap(frame)) {
                op.path.call(KernelFunction::WpPageReuse);
                // The sole owner's from now on: others of the family need not be searched for it.
                const Pfn head = m_huge.head_of(frame);
                m_frames.set_mapping(head,
                                     {FrameMapping::Kind::Anonymous, static_cast<std::uint32_t>(area.anon),
                                      area.index_of(fault.page) - (frame.value() - head.value())});
                *slot.entry = slot.entry->with(written);
                m_tables.store(op, slot);
                return {FaultStatus::Done, FaultKind::Reuse};
            }
        }
    }
    return copy_page(op, fault, slot);
}

void VirtualMemory::copy_contents(Operation& op, Pfn to, Pfn from) {
    op.path.copy_page(to, from);
    if (m_on_copy) m_on_copy(from, to);
}

VirtualMemory::FaultResult VirtualMemory::copy_page(Operation& op, const FaultContext& fault, PteSlot slot) {
    AddressSpace& space = fault.space;
    if (space.areas[fault.area].anon == no_anon_vma) m_anon.prepare(op, space.areas, fault.area);
    const PageTableEntry old = *slot.entry;
    if (!old.present()) return {FaultStatus::Done, FaultKind::Spurious}; // reclaimed meanwhile
    const bool zero = old.frame() == m_frames.addresses().zero_page;
    const Pfn frame =
        new_anonymous_page(op, fault, AllocationPurpose::CopyOnWrite, zero ? user_gfp | gfp::zero : user_gfp);
    if (frame == no_pfn) return {FaultStatus::NoMemory, FaultKind::Kill};
    if (!zero) copy_contents(op, frame, old.frame());
    op.path.call(KernelFunction::WpPageCopy);
    lock_table(op, slot);
    if (overtaken(op, slot, old, frame)) return {FaultStatus::Done, FaultKind::Spurious};
    flush(op, space, fault.page, fault.page + page_size);
    install_anonymous(op, fault, slot, frame, true);
    if (!zero) {
        op.path.call(KernelFunction::PageRemoveRmap);
        if (drop_page(op, space, old, space.areas[fault.area]) == Dropped::LastMapping)
            op.path.call(KernelFunction::PageRemoveLastRmap);
    }
    unlock_table(op, slot);
    if (!zero) put_page(op, old.frame());
    return {FaultStatus::Done, zero ? FaultKind::CopyOfZero : FaultKind::CopyOnWrite};
}

void VirtualMemory::count_attempt(const Operation& op) {
    if (op.self != nullptr) ++m_counters.pgfault;
}

void VirtualMemory::count_fault(Operation& op, FaultKind kind) {
    if (op.self == nullptr) return;
    count_attempt(op);
    ++m_counters.faults[static_cast<std::size_t>(kind)];
    if (op.self->account == nullptr) return;
    op.self->account->count_fault(kind);
}

/// What get_user_pages does with a page that it has found, for whoever asks for FOLL_TOUCH.
void VirtualMemory::touch(Operation& op, PteSlot slot, FaultAccess access) {
    if (slot.huge() || is_zero_page(slot.entry->frame())) return;
    const Pfn head = m_huge.head_of(slot.entry->frame());
    if (access == FaultAccess::Write && !slot.entry->has(PageTableEntry::Dirty))
        m_frames.pages().at(head).owner_flags |= frame_flags::dirty;
    m_files.mark_accessed(op, head);
}

void VirtualMemory::populate(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes,
                             Populate how) {
    const VirtAddr end = start + bytes;
    space.mmap_lock.lock(op, RwSemaphore::Access::Read);
    bool again = false;
    std::uint64_t step = page_size;
    for (VirtAddr at = start.page(); at < end; at += again ? 0 : step) {
        again = false;
        step = page_size;
        const std::size_t area = space.areas.find(at);
        if (area == space.areas.size()) break;
        if (space.areas[area].start > at) continue; // a hole
        const Vma& where = space.areas[area];
        step = page_bytes(where);
        if (how == Populate::AsAllowed && where.has(vm::dont_expand) && !where.has(vm::hugetlb)) continue;
        const bool allowed = how == Populate::Write ? where.has(vm::write) : where.has(vm::access);
        if (!allowed) break;
        const bool copies = where.has(vm::write) && where.is_private();
        const bool write = how == Populate::Write || (how == Populate::AsAllowed && copies);
        const PteSlot slot =
            step <= HugePages::bytes ? m_tables.find_leaf(space, at) : m_tables.find_upper(space, at, 3);
        if (slot && slot.entry->present() && (!write || slot.entry->has(PageTableEntry::Writable))) {
            touch(op, slot, write ? FaultAccess::Write : FaultAccess::Read);
            continue;
        }
        op.path.call(KernelFunction::HandleMmFault);
        const FaultResult result =
            handle(op, {space, area, at, write ? FaultAccess::Write : FaultAccess::Read});
        if (result.status == FaultStatus::Retry) {
            space.mmap_lock.unlock(op, RwSemaphore::Access::Read);
            count_attempt(op);
            m_files.wait_for(op, result.page);
            space.mmap_lock.lock(op, RwSemaphore::Access::Read);
            again = true;
        } else if (result.status != FaultStatus::Done) {
            break;
        } else {
            count_fault(op, result.kind); // a retry makes no major fault of it, as one of the program's would
            if (const PteSlot filled = m_tables.find_leaf(space, at); filled && filled.entry->present())
                touch(op, filled, write ? FaultAccess::Write : FaultAccess::Read);
        }
    }
    m_lru.drain(op);
    space.mmap_lock.unlock(op, RwSemaphore::Access::Read);
}

} // namespace pagewalk::os
