#include "os/syscall/handlers.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

enum class Direction : std::uint8_t { Read, Write };

/// The frame behind a user page that the kernel copies to or from, faulted in where it must be. no_pfn where
/// the program has no such memory.
Pfn user_frame(CallContext& call, VirtAddr at, Direction direction) {
    const CallParts& kernel = call.kernel;
    for (int tries = 0; tries < 2; ++tries) {
        const PteSlot slot = kernel.memory.tables().find(call.space(), at);
        if (slot && slot.entry->present() &&
            (direction == Direction::Write || slot.entry->has(PageTableEntry::Writable)))
            return slot.entry->frame();
        if (tries == 1) break;
        const auto access = direction == Direction::Read ? FaultAccess::Write : FaultAccess::Read;
        call.op.path.call(KernelFunction::PageFaultEntry);
        ++kernel.counters.pgfault;
        const auto result = kernel.memory.fault(call.op, call.space(), at, access, call.task.program->stray);
        if (result.status != VirtualMemory::FaultStatus::Done) break;
        ++kernel.counters.faults[static_cast<std::size_t>(result.kind)];
    }
    return no_pfn;
}

void copy_user(CallContext& call, Pfn frame, std::uint64_t offset, VirtAddr buffer, std::uint64_t bytes,
               Direction direction) {
    const VirtAddr cached = kernel_layout::direct_map(address_of(frame)) + offset;
    for (std::uint64_t done = 0; done < bytes;) {
        const VirtAddr at = buffer + done;
        const auto part = static_cast<std::uint32_t>(std::min(bytes - done, page_size - at.page_offset()));
        const Pfn of_user = user_frame(call, at, direction);
        if (of_user == no_pfn) return;
        const VirtAddr user = kernel_layout::direct_map(address_of(of_user)) + at.page_offset();
        if (direction == Direction::Read)
            call.op.path.copy_bytes(user, cached + done, part);
        else
            call.op.path.copy_bytes(cached + done, user, part);
        done += part;
    }
}

/// One page's part of a transfer. False when there was no memory.
bool transfer_page(CallContext& call, InodeId inode, std::uint64_t at, VirtAddr buffer, std::uint64_t bytes,
                   Direction direction) {
    const CallParts& kernel = call.kernel;
    const bool read = direction == Direction::Read;
    const std::uint64_t index = at >> page_shift;
    call.op.path.call(read ? KernelFunction::FilemapGetPages : KernelFunction::WritePage);
    const FileSystem::Page page = read ? kernel.files.get_page(call.op, inode, index)
                                       : kernel.files.get_page_for_write(call.op, inode, index);
    if (page.frame == no_pfn) return false;
    // The page must stay where it is while it is waited for, and while the user's side is faulted in.
    ++kernel.frames.pages().at(page.frame).refcount;
    if (!kernel.files.ready(page)) kernel.files.wait_for(call.op, page);
    copy_user(call, page.frame, at % page_size, buffer, bytes, direction);
    kernel.files.mark_accessed(call.op, page.frame);
    // Zero where the page has been truncated meanwhile.
    if (--kernel.frames.pages().at(page.frame).refcount == 0) kernel.frames.free(call.op, page.frame, 0);
    return true;
}

void transfer(CallContext& call, const std::uint64_t* position, Direction direction) {
    const bool read = direction == Direction::Read;
    call.op.path.call(read ? KernelFunction::SysRead : KernelFunction::SysWrite);
    OpenFile* file = call.descriptors().find(call.argument(0));
    if (file == nullptr) return; // a pipe, a socket, a terminal: only the entry is known
    call.op.path.load(file->object);
    call.op.path.call(read ? KernelFunction::VfsRead : KernelFunction::VfsWrite);
    const std::uint64_t bytes = call.result();
    std::uint64_t at = position != nullptr ? *position : file->position;
    if (position == nullptr) file->position += bytes;
    const InodeId inode = file->inode;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t part = std::min(bytes - done, page_size - at % page_size);
        if (!transfer_page(call, inode, at, call.address(1) + done, part, direction)) return;
        done += part;
        at += part;
    }
}

void open_named(CallContext& call, bool in_memory) {
    const CallParts& kernel = call.kernel;
    call.op.path.call(KernelFunction::OpenFile);
    // The path is copied to a page of its own for as long as the call lasts.
    KernelObjects& objects = kernel.memory.objects();
    const VirtAddr name = objects.allocate(call.op, ObjectKind::PathName);
    if (in_memory)
        kernel.open_files.open_shmem(call.op, call.descriptors(), call.result(),
                                     "/memfd:" + call.record.path + " (deleted)");
    else
        kernel.open_files.open(call.op, call.descriptors(), call.result(), call.record.path);
    objects.free(call.op, ObjectKind::PathName, name);
}

} // namespace

void sys_read(CallContext& call) { transfer(call, nullptr, Direction::Read); }
void sys_write(CallContext& call) { transfer(call, nullptr, Direction::Write); }
void sys_pread64(CallContext& call) { transfer(call, &call.record.arguments[3], Direction::Read); }
void sys_pwrite64(CallContext& call) { transfer(call, &call.record.arguments[3], Direction::Write); }

void sys_open(CallContext& call) { open_named(call, false); }
void sys_memfd_create(CallContext& call) { open_named(call, true); }

void sys_close(CallContext& call) {
    call.kernel.open_files.close(call.op, call.descriptors(), call.argument(0));
}

void sys_close_range(CallContext& call) {
    FileDescriptors& files = call.descriptors();
    for (std::uint64_t fd = call.argument(0); fd <= call.argument(1) && fd < files.size(); ++fd)
        call.kernel.open_files.close(call.op, files, fd);
}

void sys_dup(CallContext& call) {
    call.kernel.open_files.duplicate(call.op, call.descriptors(), call.argument(0), call.result());
}

void sys_fcntl(CallContext& call) {
    constexpr std::uint64_t dup = 0, dup_cloexec = 1030;
    if (call.argument(1) == dup || call.argument(1) == dup_cloexec) sys_dup(call);
}

void sys_lseek(CallContext& call) {
    if (OpenFile* file = call.descriptors().find(call.argument(0))) file->position = call.result();
}

void sys_ftruncate(CallContext& call) {
    if (const OpenFile* file = call.descriptors().find(call.argument(0)))
        call.kernel.files.truncate(call.op, file->inode, (call.argument(1) + page_size - 1) >> page_shift);
}

} // namespace pagewalk::os
