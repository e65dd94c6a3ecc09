#include "contract/calls_about_memory.h"
#include "os/syscall/file_ranges.h"
#include "os/syscall/handlers.h"
#include "os/syscall/hugetlb_calls.h"
#include "os/syscall/user_memory.h"
#include "os/vm/unmapped_area.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::os {
namespace {

// Source: include/uapi/linux/mman.h and asm-generic/mman-common.h of Linux 6.1
namespace map_flag {
constexpr std::uint64_t shared = 0x1; ///< also in MAP_SHARED_VALIDATE
constexpr std::uint64_t fixed = 0x10;
constexpr std::uint64_t anonymous = 0x20;
constexpr std::uint64_t low = 0x40; ///< MAP_32BIT
constexpr std::uint64_t grows_down = 0x100;
constexpr std::uint64_t locked = 0x2000;
constexpr std::uint64_t no_reserve = 0x4000;
constexpr std::uint64_t populate = 0x8000;
constexpr std::uint64_t fixed_no_replace = 0x100000;
} // namespace map_flag

enum Advice : std::uint64_t {
    Normal = 0,
    Random = 1,
    Sequential = 2,
    WillNeed = 3,
    DontNeed = 4,
    Free = 8,
    Remove = 9,
    DontFork = 10,
    DoFork = 11,
    HugePage = 14,
    NoHugePage = 15,
    DontDump = 16,
    DoDump = 17,
    WipeOnFork = 18,
    KeepOnFork = 19,
    Cold = 20,
    PageOut = 21,
    PopulateRead = 22,
    PopulateWrite = 23,
    Collapse = 25,
};

/// Advice that changes properties of areas alone.
struct FlagAdvice {
    std::uint64_t advice;
    std::uint32_t set, clear;
};
constexpr std::array flag_advice = std::to_array<FlagAdvice>({
    {Normal, 0, vm::random | vm::sequential},
    {Random, vm::random, vm::sequential},
    {Sequential, vm::sequential, vm::random},
    {DontFork, vm::dont_copy, 0},
    {DoFork, 0, vm::dont_copy},
    {HugePage, vm::huge_page, vm::no_huge_page},
    {NoHugePage, vm::no_huge_page, vm::huge_page},
    {DontDump, vm::dont_dump, 0},
    {DoDump, 0, vm::dont_dump},
    {WipeOnFork, vm::wipe_on_fork, 0},
    {KeepOnFork, 0, vm::wipe_on_fork},
});

std::uint32_t area_flags(std::uint64_t protection, std::uint64_t flags) {
    const bool shared = (flags & map_flag::shared) != 0;
    std::uint32_t area = static_cast<std::uint32_t>(protection) & vm::access;
    if (shared) area |= vm::shared;
    if ((flags & map_flag::grows_down) != 0) area |= vm::grows_down;
    if ((flags & map_flag::no_reserve) != 0) area |= vm::no_reserve;
    if ((flags & map_flag::locked) != 0) area |= vm::locked;
    if (!shared && (area & (vm::write | vm::no_reserve)) == vm::write) area |= vm::account;
    return area;
}

PlaceRequest::Kind place_kind(std::uint64_t flags) {
    if ((flags & map_flag::fixed_no_replace) != 0) return PlaceRequest::Kind::FixedNoReplace;
    if ((flags & map_flag::fixed) != 0) return PlaceRequest::Kind::Fixed;
    return (flags & map_flag::low) != 0 ? PlaceRequest::Kind::Low : PlaceRequest::Kind::Anywhere;
}

/// Where a new mapping lies: where Linux puts it if the source leaves that to us, otherwise where the source
/// has it. None where Linux refuses what the source has done.
std::optional<VirtAddr> place_mapping(CallContext& call, const PlaceRequest& request) {
    if (!call.task.program->workload->takes_places()) return VirtAddr(call.result());
    const auto place = find_unmapped_area(call.space().areas, request);
    if (!place) return std::nullopt;
    call.task.stream->place(VirtAddr(call.result()), request.bytes, *place);
    return *place;
}

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + page_size - 1) & ~(page_size - 1); }

/// How far areas follow each other from `start` on, at most up to `end`.
VirtAddr end_of_areas(const VmaList& areas, VirtAddr start, VirtAddr end) {
    VirtAddr at = start;
    for (std::size_t i = areas.find(start); i < areas.size() && areas[i].start <= at && at < end; ++i)
        at = areas[i].end;
    return std::min(at, end);
}

/// The file that a mapping shows; a user of it is added.
void set_mapped_file(CallContext& call, std::uint64_t fd, MapRequest& request) {
    if (const OpenFile* file = call.descriptors().find_cached(fd)) {
        call.kernel.files.add_user(file->inode);
        request.inode = file->inode;
        request.readahead = file->readahead;
        return;
    }
    // Opened before the trace began, or in a way it does not show.
    request.inode = call.kernel.files.open(call.op, "fd:" + std::to_string(fd));
}

/// Areas may come and go while a page is waited for.
void populate_all(CallContext& call) {
    const VmaList& areas = call.space().areas;
    for (VirtAddr at{}; areas.find(at) != areas.size();) {
        const Vma& area = areas[areas.find(at)];
        const VirtAddr start = std::max(at, area.start);
        at = area.end;
        if (area.has(vm::access)) call.kernel.memory.populate(call.op, call.space(), start, at - start);
    }
}

/// What advice that is given for areas one by one does with a part of one.
struct AdvisedPart {
    std::uint64_t advice;
    VirtAddr start, end;
};

/// Does the kind of area allow it? Otherwise madvise ends there, with what it has done.
bool allows_advice(const Vma& area, std::uint64_t advice) {
    switch (advice) {
    case DontNeed:
        return !area.has(vm::locked) && (area.has(vm::hugetlb) || !area.has(vm::dont_expand));
    case Cold:
    case PageOut:
        return !area.has(vm::locked | vm::dont_expand);
    case Free:
        return area.anonymous() && !area.has(vm::locked | vm::dont_expand);
    case Collapse:
        return area.anonymous() && !area.has(vm::no_huge_page | vm::dont_expand);
    case WipeOnFork:
        return area.anonymous() && area.is_private();
    case HugePage:
    case NoHugePage:
    case WillNeed: // of hugetlbfs: nothing to be read
        return !area.has(vm::hugetlb);
    case DoFork:
    case DoDump:
        return area.has(vm::hugetlb) || !area.has(vm::dont_expand);
    default:
        return true;
    }
}

/// MADV_REMOVE of a part of a file's mapping: a hole in the file.
void remove_part(CallContext& call, const Vma& area, const AdvisedPart& part) {
    if (area.inode == no_inode) return;
    if (area.has(vm::hugetlb)) {
        const std::uint64_t bytes = call.kernel.memory.page_bytes(area);
        call.kernel.memory.discard(call.op, call.space(), part.start, part.end - part.start);
        const std::uint64_t begin = (area.index_of(part.start) << page_shift) / bytes;
        return call.kernel.memory.hugetlb_files().remove(call.op, area.inode, begin,
                                                         begin + (part.end - part.start) / bytes);
    }
    const std::uint64_t first = area.index_of(part.start) << page_shift;
    punch_hole(call, area.inode, first, first + (part.end - part.start));
}

/// MADV_PAGEOUT, a table's worth of pages at a time.
void page_out(CallContext& call, const AdvisedPart& part) {
    for (VirtAddr at = part.start; at < part.end;) {
        const VirtAddr table_end = VirtAddr(at.value() & ~(level_span(2) - 1)) + level_span(2);
        const VirtAddr end = std::min(part.end, table_end);
        const std::vector<Pfn> pages =
            call.kernel.memory.isolate_for_pageout(call.op, call.space(), at, end - at);
        call.kernel.reclaim.reclaim_pages(call.op, pages);
        at = end;
    }
}

void advise_part(CallContext& call, const Vma& area, const AdvisedPart& part) {
    VirtualMemory& memory = call.kernel.memory;
    const std::uint64_t bytes = part.end - part.start;
    const auto* const flags = std::ranges::find(flag_advice, part.advice, &FlagAdvice::advice);
    if (flags != flag_advice.end())
        return memory.advise(call.op, call.space(), part.start, part.end, flags->set, flags->clear);
    switch (part.advice) {
    case Remove:
        return remove_part(call, area, part);
    case DontNeed:
        return memory.discard(call.op, call.space(), part.start, bytes);
    case WillNeed:
        if (!area.anonymous())
            call.kernel.files.read_range(call.op, area.inode, area.index_of(part.start), bytes >> page_shift);
        return;
    case Free:
        return memory.mark_free(call.op, call.space(), part.start, bytes);
    case Collapse:
        return memory.collapse_range(call.op, call.space(), part.start, part.end);
    case Cold:
        return memory.age(call.op, call.space(), part.start, bytes);
    case PageOut:
        return page_out(call, part);
    default:
        break;
    }
}

/// madvise_walk_vmas: area by area, over holes.
void advise_areas(CallContext& call, std::uint64_t advice, VirtAddr start, VirtAddr end) {
    const VmaList& areas = call.space().areas;
    for (VirtAddr at = start; at < end && areas.find(at) != areas.size();) {
        const Vma area = areas[areas.find(at)]; // advice may split or merge it
        const VirtAddr from = std::max(at, area.start);
        at = area.end;
        if (from >= end) return;
        if (!allows_advice(area, advice)) return;
        advise_part(call, area, {advice, from, std::min(end, area.end)});
    }
}

} // namespace

void sys_mmap(CallContext& call) {
    const CallParts& kernel = call.kernel;
    const std::uint64_t bytes = call.argument(1);
    const std::uint64_t flags = call.argument(3);
    call.op.path.call(KernelFunction::SysMmap);
    if (calls_about_memory::maps_hugetlb(call.record.number, call.record.arguments)) return map_hugetlb(call);
    const auto place = place_mapping(
        call, {.hint = call.address(0), .bytes = whole_pages(bytes), .kind = place_kind(flags)});
    if (!place) return;
    MapRequest request{.start = *place, .bytes = bytes};
    request.flags = area_flags(call.argument(2), flags) | call.space().default_flags;
    if ((flags & map_flag::anonymous) == 0) {
        request.page_offset = call.argument(5) >> page_shift;
        set_mapped_file(call, call.argument(4), request);
        kernel.files.warm_mapping(call.op, request.inode, request.page_offset, bytes);
    } else if ((flags & map_flag::shared) != 0) {
        request.inode = kernel.files.create_shmem(call.op, "/dev/zero (deleted)");
    }
    kernel.memory.map(call.op, call.space(), request);
    if (request.inode != no_inode) kernel.files.drop_user(call.op, request.inode);
    const bool locked = (request.flags & vm::locked) != 0 && call.space().populates_locked;
    if (locked || (flags & map_flag::populate) != 0)
        kernel.memory.populate(call.op, call.space(), request.start, bytes);
}

void sys_munmap(CallContext& call) {
    call.kernel.memory.munmap(call.op, call.space(), call.address(0).page(), call.argument(1));
}

namespace {

struct Range {
    VirtAddr start, end;
};

/// What mprotect fills: locked private memory that can be written to from now on.
std::vector<Range> to_be_filled(const VmaList& areas, VirtAddr start, VirtAddr end) {
    std::vector<Range> ranges;
    for (std::size_t i = areas.find(start); i < areas.size() && areas[i].start < end; ++i) {
        const Vma& area = areas[i];
        if (!area.has(vm::locked) || area.has(vm::lock_on_fault | vm::write | vm::shared)) continue;
        ranges.push_back({std::max(start, area.start), std::min(end, area.end)});
    }
    return ranges;
}

} // namespace

// Up to a hole, where it fails.
void sys_mprotect(CallContext& call) {
    const auto access = static_cast<std::uint32_t>(call.argument(2)) & vm::access;
    const VirtAddr start = call.address(0).page();
    const VirtAddr wanted_end = start + whole_pages(call.argument(1));
    const VirtAddr covered = end_of_areas(call.space().areas, start, wanted_end);
    if (covered == start || (call.record.result < 0 && covered == wanted_end)) return;
    const std::vector<Range> filled =
        (access & vm::write) != 0 ? to_be_filled(call.space().areas, start, covered) : std::vector<Range>{};
    call.kernel.memory.protect(call.op, call.space(), start, covered - start, access);
    for (const Range& range : filled)
        call.kernel.memory.populate(call.op, call.space(), range.start, range.end - range.start);
}

void sys_brk(CallContext& call) {
    AddressSpace& space = call.space();
    const VirtAddr old_break = space.brk;
    call.kernel.memory.set_break(call.op, space, VirtAddr(call.result()));
    if ((space.default_flags & vm::locked) != 0 && space.populates_locked && old_break < space.brk)
        call.kernel.memory.populate(call.op, space, old_break, space.brk - old_break);
}

/// Where mremap leaves a mapping: in place where it may and can, else where it is told to or where there is
/// room.
std::optional<VirtAddr> place_remapped(CallContext& call) {
    constexpr std::uint64_t may_move = 1, fixed = 2, dont_unmap = 4;
    if (!call.task.program->workload->takes_places()) return VirtAddr(call.result());
    const std::uint64_t flags = call.argument(3);
    const std::uint64_t old_bytes = whole_pages(call.argument(1)), new_bytes = whole_pages(call.argument(2));
    const VirtAddr start = call.address(0), old_end = start + old_bytes;
    const VmaList& areas = call.space().areas;
    const std::size_t at = areas.find(start);
    if (at == areas.size() || areas[at].start > start) return std::nullopt; // EFAULT
    if ((flags & (fixed | dont_unmap)) == 0 && old_bytes != 0) {
        if (new_bytes <= old_bytes) return start;
        const bool room = at + 1 == areas.size() || start + new_bytes <= areas[at + 1].start;
        if (areas[at].end == old_end && room) return start;
    }
    if ((flags & may_move) == 0) return std::nullopt;
    const auto kind = (flags & fixed) != 0 ? PlaceRequest::Kind::Fixed : PlaceRequest::Kind::Anywhere;
    const VirtAddr hint = (flags & fixed) != 0 ? call.address(4) : VirtAddr{};
    return place_mapping(call, {.hint = hint, .bytes = new_bytes, .kind = kind});
}

/// mremap_to, where it fails after it has made room: the range is of several areas.
void make_room_in_vain(CallContext& call) {
    constexpr std::uint64_t fixed = 2;
    const VirtAddr start = call.address(0);
    const std::uint64_t old_bytes = whole_pages(call.argument(1)), new_bytes = whole_pages(call.argument(2));
    const VmaList& areas = call.space().areas;
    if ((call.argument(3) & fixed) == 0 || end_of_areas(areas, start, start + 1) == start) return;
    call.kernel.memory.munmap(call.op, call.space(), call.address(4), new_bytes);
    if (old_bytes > new_bytes)
        call.kernel.memory.munmap(call.op, call.space(), start + new_bytes, old_bytes - new_bytes);
}

void sys_mremap(CallContext& call) {
    constexpr std::uint64_t dont_unmap = 4;
    if (call.record.result < 0) return make_room_in_vain(call);
    const auto old = (call.argument(3) & dont_unmap) != 0 ? VirtualMemory::OldMapping::Stays
                                                          : VirtualMemory::OldMapping::Goes;
    const auto place = place_remapped(call);
    if (!place) return;
    if (call.task.program->workload->takes_places())
        call.task.stream->place(VirtAddr(call.result()), whole_pages(call.argument(2)), *place);
    call.kernel.memory.remap(call.op, call.space(), call.address(0), call.argument(1), call.argument(2),
                             *place, old);
    // What a locked area has grown by is filled.
    const std::uint64_t old_bytes = whole_pages(call.argument(1)), new_bytes = whole_pages(call.argument(2));
    const VmaList& areas = call.space().areas;
    const std::size_t at = areas.find(*place);
    const bool fills = at < areas.size() && areas[at].has(vm::locked) && !areas[at].has(vm::lock_on_fault);
    if (fills && new_bytes > old_bytes)
        call.kernel.memory.populate(call.op, call.space(), *place + old_bytes, new_bytes - old_bytes);
}

void sys_shmget(CallContext& call) {
    call.kernel.segments.get(call.op, call.record.result, call.argument(1));
}

void sys_shmat(CallContext& call) {
    constexpr std::uint64_t read_only = 010000, executable = 0100000;
    const SharedSegments::Segment* segment =
        call.kernel.segments.find(static_cast<std::int64_t>(call.argument(0)));
    if (segment == nullptr) return; // another program's, which the run does not see
    const auto kind =
        call.address(1) != VirtAddr{} ? PlaceRequest::Kind::Fixed : PlaceRequest::Kind::Anywhere;
    const auto place = place_mapping(call, {.hint = call.address(1), .bytes = segment->bytes, .kind = kind});
    if (!place) return;
    MapRequest request{.start = *place, .bytes = segment->bytes, .inode = segment->inode};
    request.flags = vm::read | vm::shared | ((call.argument(2) & read_only) == 0 ? vm::write : 0) |
                    ((call.argument(2) & executable) != 0 ? vm::exec : 0);
    call.op.path.call(KernelFunction::SysMmap);
    call.kernel.memory.map(call.op, call.space(), request);
}

namespace {

/// Is it a mapping of System V's shared memory? Of all tmpfs files theirs alone are not mapped around.
bool is_of_segment(const FileSystem& files, const Vma& area) {
    if (area.anonymous()) return false;
    const Inode& file = files.at(area.inode);
    return file.kind == InodeKind::Shmem && !file.maps_around;
}

} // namespace

// Takes away all that is left of an attach: its parts are where they were attached, whatever lies between.
void sys_shmdt(CallContext& call) {
    const VirtAddr address = call.address(0);
    const VmaList& areas = call.space().areas;
    InodeId segment = no_inode;
    for (std::size_t i = areas.find(address); i < areas.size();) {
        const Vma& area = areas[i];
        const bool is_part = is_of_segment(call.kernel.files, area) &&
                             area.page_offset == (area.start - address) >> page_shift;
        if (!is_part || (segment != no_inode && area.inode != segment)) {
            ++i;
            continue;
        }
        segment = area.inode;
        call.kernel.memory.munmap(call.op, call.space(), area.start, area.end - area.start);
    }
}

void sys_shmctl(CallContext& call) {
    constexpr std::uint64_t remove = 0; // IPC_RMID
    if ((call.argument(1) & 0xff) == remove)
        call.kernel.segments.remove(call.op, static_cast<std::int64_t>(call.argument(0)));
}

namespace {

/// apply_vma_lock_flags: as far as there are areas. Returns whether there are up to the end.
bool lock_areas(CallContext& call, VirtAddr start, VirtAddr end, std::uint32_t set, std::uint32_t clear) {
    const VmaList& areas = call.space().areas;
    for (VirtAddr at = start; at < end;) {
        const std::size_t index = areas.find(at);
        if (index == areas.size() || areas[index].start > at) return false;
        const VirtAddr part_end = std::min(end, areas[index].end);
        if (!areas[index].has(vm::dont_expand))
            call.kernel.memory.advise(call.op, call.space(), at, part_end, set, clear);
        at = part_end;
    }
    return true;
}

/// The same for all areas, over holes.
void lock_everything(CallContext& call, std::uint32_t set, std::uint32_t clear) {
    const VmaList& areas = call.space().areas;
    for (VirtAddr at{}; areas.find(at) != areas.size();) {
        const Vma& area = areas[areas.find(at)];
        const VirtAddr start = area.start;
        at = area.end;
        (void)lock_areas(call, start, at, set, clear);
    }
}

/// Can each page of [start, end) be filled? A hole and an area without any right keep it from that, and
/// mlock, which has locked the areas by then, tells so.
bool can_be_filled(const VmaList& areas, VirtAddr start, VirtAddr end) {
    if (end_of_areas(areas, start, end) != end) return false;
    for (std::size_t i = areas.find(start); i < areas.size() && areas[i].start < end; ++i)
        if (!areas[i].has(vm::access)) return false;
    return true;
}

void lock_range(CallContext& call, std::uint32_t flags) {
    const VirtAddr start = call.address(0).page();
    const std::uint64_t bytes = whole_pages(call.argument(1) + call.address(0).page_offset());
    const bool is_over_limit = can_be_filled(call.space().areas, start, start + bytes);
    if (call.record.result == -ENOMEM && is_over_limit) return; // of what the process may lock
    const bool whole = lock_areas(call, start, start + bytes, flags, vm::lock_on_fault & ~flags);
    if (whole)
        call.kernel.memory.populate(call.op, call.space(), start,
                                    (flags & vm::lock_on_fault) != 0 ? 0 : bytes);
}

} // namespace

void sys_mlock(CallContext& call) { lock_range(call, vm::locked); }

void sys_mlock2(CallContext& call) {
    constexpr std::uint64_t on_fault = 1;
    lock_range(call, (call.argument(2) & on_fault) != 0 ? vm::locked | vm::lock_on_fault : vm::locked);
}

void sys_munlock(CallContext& call) {
    const VirtAddr start = call.address(0).page();
    const std::uint64_t bytes = whole_pages(call.argument(1) + call.address(0).page_offset());
    (void)lock_areas(call, start, start + bytes, 0, vm::locked | vm::lock_on_fault);
}

void sys_mlockall(CallContext& call) {
    constexpr std::uint64_t current = 1, future = 2, on_fault = 4;
    const std::uint64_t flags = call.argument(0);
    AddressSpace& space = call.space();
    space.populates_locked = (flags & on_fault) == 0;
    space.default_flags = (flags & future) != 0 ? vm::locked : 0;
    if ((flags & current) == 0) return;
    const std::uint32_t clear = space.populates_locked ? vm::lock_on_fault : 0;
    const std::uint32_t set = space.populates_locked ? vm::locked : vm::locked | vm::lock_on_fault;
    lock_everything(call, set, clear);
    if (space.populates_locked) populate_all(call);
}

void sys_munlockall(CallContext& call) {
    AddressSpace& space = call.space();
    space.default_flags = 0;
    lock_everything(call, 0, vm::locked | vm::lock_on_fault);
}

void sys_madvise(CallContext& call) {
    const VirtAddr start = call.address(0);
    const std::uint64_t advice = call.argument(2);
    const std::uint64_t bytes = whole_pages(call.argument(1));
    call.op.path.call(KernelFunction::SysMadvise);
    if (start.page_offset() != 0 || start + bytes < start) return;
    using Populate = VirtualMemory::Populate;
    if (advice == PopulateRead || advice == PopulateWrite)
        call.kernel.memory.populate(call.op, call.space(), start, bytes,
                                    advice == PopulateRead ? Populate::Read : Populate::Write);
    else
        advise_areas(call, advice, start, start + bytes);
}

// The vector of residence is made in a page of the kernel's, whatever there is to be told.
void sys_mincore(CallContext& call) {
    const std::uint64_t pages = whole_pages(call.argument(1)) >> page_shift;
    const auto buffer =
        call.kernel.frames.allocate(call.op, {.mask = gfp::user, .purpose = AllocationPurpose::KernelObject});
    if (!buffer) return;
    UserRange vector(call.address(2), pages);
    (void)copy_user(call, vector, kernel_layout::direct_map(address_of(*buffer)), pages, UserCopy::ToUser);
    call.kernel.frames.free(call.op, *buffer, 0);
}

} // namespace pagewalk::os
