#pragma once

#include <cstdint>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace pagewalk::workloads {

enum class CallOrder : std::uint8_t {
    Unordered,     ///< touches the calling thread alone, or regular files
    Ordered,       ///< wakes, waits for, creates or ends threads, or changes an address space
    OrderedOnPipe, ///< ordered where the first argument is a pipe, socket, eventfd and the like
};

/// Whether a system call's place among those of other threads matters. x86-64 numbers.
[[nodiscard]] inline CallOrder call_order(std::int64_t number) {
    switch (number) {
    case SYS_futex:
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork:
    case SYS_execve:
    case SYS_execveat:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_mprotect:
    case SYS_brk:
    case SYS_madvise:
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_munlock:
    case SYS_mlockall:
    case SYS_munlockall:
    case SYS_mbind:
    case SYS_move_pages:
    case SYS_migrate_pages:
    case SYS_remap_file_pages:
    case SYS_shmget:
    case SYS_shmat:
    case SYS_shmdt:
    case SYS_shmctl:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_msgsnd:
    case SYS_msgrcv:
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait:
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_sendto:
    case SYS_recvfrom:
    case SYS_sendmsg:
    case SYS_recvmsg:
    case SYS_shutdown:
    case SYS_flock:
        return CallOrder::Ordered;
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_close:
        return CallOrder::OrderedOnPipe;
    default:
        return CallOrder::Unordered;
    }
}

/// True for a descriptor through which threads wait for each other: pipes, sockets, eventfd (which has no
/// file type).
[[nodiscard]] inline bool is_pipe_like(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return false;
    const auto type = status.st_mode & S_IFMT;
    return type == S_IFIFO || type == S_IFSOCK || type == 0;
}

} // namespace pagewalk::workloads
