#include "os/syscall/file_ranges.h"
#include "os/syscall/handlers.h"

#include <fcntl.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t falloc_keep_size = 1, falloc_punch_hole = 2, falloc_zero_range = 16;

void open_named(CallContext& call, std::uint64_t flags) {
    const CallParts& kernel = call.kernel;
    call.op.path.call(KernelFunction::OpenFile);
    kernel.open_files.open(call.op, call.descriptors(), call.result(), call.record.path);
    OpenFile* const file = call.descriptors().find_cached(call.result());
    call.descriptors().set_close_on_exec(call.result(), (flags & O_CLOEXEC) != 0);
    if (file == nullptr) return;
    file->appends = (flags & O_APPEND) != 0;
    file->direct = (flags & O_DIRECT) != 0;
    file->syncs = (flags & O_DSYNC) != 0; // O_SYNC has this bit too
    constexpr std::uint64_t makes_new = O_CREAT | O_EXCL;
    if ((flags & O_TRUNC) != 0 || (flags & makes_new) == makes_new) truncate_file(call, file->inode, 0);
}

} // namespace

void sys_open(CallContext& call) { open_named(call, call.argument(1)); }
void sys_openat(CallContext& call) { open_named(call, call.argument(2)); }
void sys_openat2(CallContext& call) { open_named(call, 0); } // its flags are in memory
void sys_creat(CallContext& call) { open_named(call, O_TRUNC); }

void sys_memfd_create(CallContext& call) {
    call.op.path.call(KernelFunction::OpenFile);
    call.kernel.open_files.open_shmem(call.op, call.descriptors(), call.result(),
                                      "/memfd:" + call.record.path + " (deleted)");
    constexpr std::uint64_t close_on_exec = 1; // MFD_CLOEXEC
    call.descriptors().set_close_on_exec(call.result(), (call.argument(1) & close_on_exec) != 0);
}

void sys_close(CallContext& call) {
    call.kernel.open_files.close(call.op, call.descriptors(), call.argument(0));
}

void sys_close_range(CallContext& call) {
    constexpr std::uint64_t close_on_exec = 4; // CLOSE_RANGE_CLOEXEC
    FileDescriptors& files = call.descriptors();
    for (std::uint64_t fd = call.argument(0); fd <= call.argument(1) && fd < files.size(); ++fd)
        if ((call.argument(2) & close_on_exec) != 0)
            files.set_close_on_exec(fd, true);
        else
            call.kernel.open_files.close(call.op, files, fd);
}

void sys_dup(CallContext& call) {
    call.kernel.open_files.duplicate(call.op, call.descriptors(), call.argument(0), call.result());
}

void sys_dup3(CallContext& call) {
    sys_dup(call);
    call.descriptors().set_close_on_exec(call.result(), (call.argument(2) & O_CLOEXEC) != 0);
}

void sys_fcntl(CallContext& call) {
    if (call.argument(1) == F_DUPFD || call.argument(1) == F_DUPFD_CLOEXEC) {
        sys_dup(call);
        call.descriptors().set_close_on_exec(call.result(), call.argument(1) == F_DUPFD_CLOEXEC);
    } else if (call.argument(1) == F_SETFD) {
        call.descriptors().set_close_on_exec(call.argument(0), (call.argument(2) & FD_CLOEXEC) != 0);
    } else if (call.argument(1) == F_SETFL) {
        OpenFile* const file = call.descriptors().find_cached(call.argument(0));
        if (file == nullptr) return;
        file->appends = (call.argument(2) & O_APPEND) != 0;
        file->direct = (call.argument(2) & O_DIRECT) != 0;
    }
}

void sys_lseek(CallContext& call) {
    if (OpenFile* file = call.descriptors().find(call.argument(0))) file->position = call.result();
}

void sys_ftruncate(CallContext& call) {
    if (const OpenFile* file = call.descriptors().find_cached(call.argument(0)))
        truncate_file(call, file->inode, call.argument(1));
}

void sys_truncate(CallContext& call) {
    if (call.record.path.empty()) return;
    const InodeId inode = call.kernel.files.open(call.op, call.record.path);
    truncate_file(call, inode, call.argument(1));
    call.kernel.files.drop_user(call.op, inode);
}

void sys_fallocate(CallContext& call) {
    const OpenFile* const file = call.descriptors().find_cached(call.argument(0));
    if (file == nullptr) return;
    const std::uint64_t mode = call.argument(1);
    const std::uint64_t start = call.argument(2);
    const std::uint64_t end = start + call.argument(3);
    const bool in_memory = call.kernel.files.at(file->inode).kind == InodeKind::Shmem;
    if (in_memory && (mode & ~(falloc_keep_size | falloc_punch_hole)) != 0) return; // tmpfs refuses it
    // Blocks of a disk that are allocated alone read as zeroes, as those that are not.
    if ((mode & (falloc_punch_hole | falloc_zero_range)) != 0)
        punch_hole(call, file->inode, start, end);
    else if (in_memory)
        call.kernel.files.fill(call.op, file->inode, start >> page_shift,
                               (end + page_size - 1) >> page_shift);
    if ((mode & falloc_keep_size) == 0) call.kernel.files.grow(file->inode, end);
}

void sys_unlink(CallContext& call) {
    call.op.path.call(KernelFunction::CloseFile); // assumed: as much work
    call.kernel.files.unlink(call.op, call.record.path);
}

void sys_unlinkat(CallContext& call) {
    if ((call.argument(2) & AT_REMOVEDIR) == 0) sys_unlink(call);
}

} // namespace pagewalk::os
