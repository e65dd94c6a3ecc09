#include "os/syscall/file_ranges.h"
#include "os/syscall/handlers.h"

#include <algorithm>
#include <string>

namespace pagewalk::os {
namespace {

// Source: include/uapi/linux/mman.h and asm-generic/mman-common.h of Linux 6.1
namespace map_flag {
constexpr std::uint64_t shared = 0x1; ///< also in MAP_SHARED_VALIDATE
constexpr std::uint64_t anonymous = 0x20;
constexpr std::uint64_t grows_down = 0x100;
constexpr std::uint64_t locked = 0x2000;
constexpr std::uint64_t no_reserve = 0x4000;
constexpr std::uint64_t populate = 0x8000;
} // namespace map_flag

enum Advice : std::uint64_t {
    DontNeed = 4,
    Free = 8,
    Remove = 9,
    HugePage = 14,
    NoHugePage = 15,
    PopulateRead = 22,
    PopulateWrite = 23,
};

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

/// The file that a mapping shows; a user of it is added.
InodeId mapped_file(CallContext& call, std::uint64_t fd) {
    if (const OpenFile* file = call.descriptors().find_cached(fd)) {
        call.kernel.files.add_user(file->inode);
        return file->inode;
    }
    // Opened before the trace began, or in a way it does not show.
    return call.kernel.files.open(call.op, "fd:" + std::to_string(fd));
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

/// MADV_REMOVE: a hole in each file that the range shows.
void remove_range(CallContext& call, VirtAddr start, VirtAddr end) {
    const VmaList& areas = call.space().areas;
    for (VirtAddr at = start; at < end && areas.find(at) != areas.size();) {
        const Vma area = areas[areas.find(at)];
        const VirtAddr from = std::max(at, area.start);
        at = area.end;
        if (from >= end || area.inode == no_inode) continue;
        const std::uint64_t first = area.index_of(from) << page_shift;
        punch_hole(call, area.inode, first, first + (std::min(end, area.end) - from));
    }
}

} // namespace

void sys_mmap(CallContext& call) {
    const CallParts& kernel = call.kernel;
    const std::uint64_t bytes = call.argument(1);
    const std::uint64_t flags = call.argument(3);
    call.op.path.call(KernelFunction::SysMmap);
    MapRequest request{.start = VirtAddr(call.result()), .bytes = bytes};
    request.flags = area_flags(call.argument(2), flags) | call.space().default_flags;
    if ((flags & map_flag::anonymous) == 0) {
        request.page_offset = call.argument(5) >> page_shift;
        request.inode = mapped_file(call, call.argument(4));
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

void sys_mprotect(CallContext& call) {
    const auto access = static_cast<std::uint32_t>(call.argument(2)) & vm::access;
    call.kernel.memory.protect(call.op, call.space(), call.address(0).page(), call.argument(1), access);
}

void sys_brk(CallContext& call) {
    AddressSpace& space = call.space();
    const VirtAddr old_break = space.brk;
    call.kernel.memory.set_break(call.op, space, VirtAddr(call.result()));
    if ((space.default_flags & vm::locked) != 0 && space.populates_locked && old_break < space.brk)
        call.kernel.memory.populate(call.op, space, old_break, space.brk - old_break);
}

void sys_mremap(CallContext& call) {
    constexpr std::uint64_t dont_unmap = 4;
    const auto old = (call.argument(3) & dont_unmap) != 0 ? VirtualMemory::OldMapping::Stays
                                                          : VirtualMemory::OldMapping::Goes;
    call.kernel.memory.remap(call.op, call.space(), call.address(0), call.argument(1), call.argument(2),
                             VirtAddr(call.result()), old);
}

void sys_shmget(CallContext& call) {
    call.kernel.segments.get(call.op, call.record.result, call.argument(1));
}

void sys_shmat(CallContext& call) {
    constexpr std::uint64_t read_only = 010000, executable = 0100000;
    const SharedSegments::Segment* segment =
        call.kernel.segments.find(static_cast<std::int64_t>(call.argument(0)));
    if (segment == nullptr) return; // another program's, which the run does not see
    MapRequest request{.start = VirtAddr(call.result()), .bytes = segment->bytes, .inode = segment->inode};
    request.flags = vm::read | vm::shared | ((call.argument(2) & read_only) == 0 ? vm::write : 0) |
                    ((call.argument(2) & executable) != 0 ? vm::exec : 0);
    call.op.path.call(KernelFunction::SysMmap);
    call.kernel.memory.map(call.op, call.space(), request);
}

void sys_shmdt(CallContext& call) {
    const VmaList& areas = call.space().areas;
    const std::size_t at = areas.find(call.address(0));
    if (at == areas.size() || areas[at].start != call.address(0)) return;
    call.kernel.memory.munmap(call.op, call.space(), areas[at].start, areas[at].end - areas[at].start);
}

void sys_shmctl(CallContext& call) {
    constexpr std::uint64_t remove = 0; // IPC_RMID
    if ((call.argument(1) & 0xff) == remove)
        call.kernel.segments.remove(call.op, static_cast<std::int64_t>(call.argument(0)));
}

void sys_mlock(CallContext& call) {
    const VirtAddr start = call.address(0);
    VirtualMemory& memory = call.kernel.memory;
    memory.advise(call.op, call.space(), start.page(), start + call.argument(1), vm::locked, 0);
    memory.populate(call.op, call.space(), start, call.argument(1));
}

void sys_munlock(CallContext& call) {
    const VirtAddr start = call.address(0);
    call.kernel.memory.advise(call.op, call.space(), start.page(), start + call.argument(1), 0, vm::locked);
}

void sys_mlockall(CallContext& call) {
    constexpr std::uint64_t current = 1, future = 2, on_fault = 4;
    const std::uint64_t flags = call.argument(0);
    AddressSpace& space = call.space();
    space.populates_locked = (flags & on_fault) == 0;
    space.default_flags = (flags & future) != 0 ? vm::locked : 0;
    if ((flags & current) == 0) return;
    call.kernel.memory.advise(call.op, space, VirtAddr{}, kernel_layout::user_end, vm::locked, 0);
    if (space.populates_locked) populate_all(call);
}

void sys_munlockall(CallContext& call) {
    AddressSpace& space = call.space();
    space.default_flags = 0;
    call.kernel.memory.advise(call.op, space, VirtAddr{}, kernel_layout::user_end, 0, vm::locked);
}

void sys_madvise(CallContext& call) {
    const VirtAddr start = call.address(0);
    const std::uint64_t bytes = call.argument(1);
    const VirtAddr end = start + ((bytes + page_size - 1) & ~(page_size - 1));
    VirtualMemory& memory = call.kernel.memory;
    call.op.path.call(KernelFunction::SysMadvise);
    switch (call.argument(2)) {
    case Remove:
        remove_range(call, start, end);
        break;
    case DontNeed:
        memory.discard(call.op, call.space(), start, bytes);
        break;
    case Free:
        memory.mark_free(call.op, call.space(), start, bytes);
        break;
    case HugePage:
        memory.advise(call.op, call.space(), start, end, vm::huge_page, vm::no_huge_page);
        break;
    case NoHugePage:
        memory.advise(call.op, call.space(), start, end, vm::no_huge_page, vm::huge_page);
        break;
    case PopulateRead:
    case PopulateWrite:
        memory.populate(call.op, call.space(), start, bytes);
        break;
    default:
        break;
    }
}

} // namespace pagewalk::os
