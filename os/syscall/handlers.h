#pragma once

#include "os/syscall/call_context.h"

/// What each modelled system call does, beyond what its entry costs. Named as the kernel's.
namespace pagewalk::os {

// memory_calls.cpp
void sys_brk(CallContext& call);
void sys_madvise(CallContext& call);
void sys_mincore(CallContext& call);
void sys_mlock(CallContext& call);
void sys_mlock2(CallContext& call);
void sys_mlockall(CallContext& call);
void sys_mmap(CallContext& call);
void sys_mprotect(CallContext& call);
void sys_mremap(CallContext& call);
void sys_munlock(CallContext& call);
void sys_munlockall(CallContext& call);
void sys_munmap(CallContext& call);

void sys_shmat(CallContext& call);
void sys_shmctl(CallContext& call);
void sys_shmdt(CallContext& call);
void sys_shmget(CallContext& call);

// file_calls.cpp
void sys_close(CallContext& call);
void sys_close_range(CallContext& call);
void sys_creat(CallContext& call);
void sys_dup(CallContext& call);
void sys_dup3(CallContext& call);
void sys_fallocate(CallContext& call);
void sys_fcntl(CallContext& call);
void sys_ftruncate(CallContext& call);
void sys_lseek(CallContext& call);
void sys_memfd_create(CallContext& call);
void sys_open(CallContext& call);
void sys_openat(CallContext& call);
void sys_openat2(CallContext& call);
void sys_truncate(CallContext& call);
void sys_unlink(CallContext& call);
void sys_unlinkat(CallContext& call);

// file_cache_calls.cpp
void sys_fadvise64(CallContext& call);
void sys_fsync(CallContext& call);
void sys_msync(CallContext& call);
void sys_readahead(CallContext& call);
void sys_sync(CallContext& call);
void sys_sync_file_range(CallContext& call);

// data_calls.cpp; by what they do: readv is sys_read, recvmsg is sys_read, copy_file_range is sys_splice
void sys_pread64(CallContext& call);
void sys_preadv2(CallContext& call);
void sys_pwrite64(CallContext& call);
void sys_pwritev2(CallContext& call);
void sys_read(CallContext& call);
void sys_sendfile(CallContext& call);
void sys_splice(CallContext& call);
void sys_tee(CallContext& call);
void sys_vmsplice(CallContext& call);
void sys_write(CallContext& call);

/// A write that may block has begun; sys_write follows, or abandon_write where it has failed.
void begin_write(CallContext& call);
void abandon_write(CallContext& call);

// stream_calls.cpp
void sys_pipe(CallContext& call);
void sys_socket(CallContext& call);
void sys_socketpair(CallContext& call);

// process_calls.cpp
void sys_clone(CallContext& call);
void sys_clone3(CallContext& call);
void sys_execve(CallContext& call);
void sys_exit(CallContext& call);
void sys_exit_group(CallContext& call);
void sys_fork(CallContext& call);
void sys_futex(CallContext& call);
void sys_setaffinity(CallContext& call);
void sys_set_mempolicy(CallContext& call);
void sys_sched_yield(CallContext& call);
void sys_vfork(CallContext& call);
void sys_wait4(CallContext& call);
void sys_waitid(CallContext& call);

// numa_calls.cpp
void sys_mbind(CallContext& call);
void sys_migrate_pages(CallContext& call);
void sys_move_pages(CallContext& call);

} // namespace pagewalk::os
