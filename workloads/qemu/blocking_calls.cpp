#include "workloads/qemu/blocking_calls.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace pagewalk::workloads {

namespace {

enum class Blocks : std::uint8_t {
    Always,
    OnPipe, ///< where the call is ordered, which says that its descriptor is a pipe, a socket or the like
    ByOperation,
    Never, ///< named for messages only
};

struct NamedCall {
    std::uint32_t number;
    const char* name;
    Blocks blocks;
};

constexpr std::array calls{
    NamedCall{SYS_read, "read", Blocks::OnPipe},
    NamedCall{SYS_write, "write", Blocks::OnPipe},
    NamedCall{SYS_readv, "readv", Blocks::OnPipe},
    NamedCall{SYS_writev, "writev", Blocks::OnPipe},
    NamedCall{SYS_futex, "futex", Blocks::ByOperation},
    NamedCall{SYS_fcntl, "fcntl", Blocks::ByOperation},
    NamedCall{SYS_wait4, "wait4", Blocks::Always},
    NamedCall{SYS_waitid, "waitid", Blocks::Always},
    NamedCall{SYS_pause, "pause", Blocks::Always},
    NamedCall{SYS_rt_sigsuspend, "rt_sigsuspend", Blocks::Always},
    NamedCall{SYS_rt_sigtimedwait, "rt_sigtimedwait", Blocks::Always},
    NamedCall{SYS_nanosleep, "nanosleep", Blocks::Always},
    NamedCall{SYS_clock_nanosleep, "clock_nanosleep", Blocks::Always},
    NamedCall{SYS_poll, "poll", Blocks::Always},
    NamedCall{SYS_ppoll, "ppoll", Blocks::Always},
    NamedCall{SYS_select, "select", Blocks::Always},
    NamedCall{SYS_pselect6, "pselect6", Blocks::Always},
    NamedCall{SYS_epoll_wait, "epoll_wait", Blocks::Always},
    NamedCall{SYS_epoll_pwait, "epoll_pwait", Blocks::Always},
    NamedCall{SYS_accept, "accept", Blocks::Always},
    NamedCall{SYS_accept4, "accept4", Blocks::Always},
    NamedCall{SYS_connect, "connect", Blocks::Always},
    NamedCall{SYS_sendto, "sendto", Blocks::Always},
    NamedCall{SYS_recvfrom, "recvfrom", Blocks::Always},
    NamedCall{SYS_sendmsg, "sendmsg", Blocks::Always},
    NamedCall{SYS_recvmsg, "recvmsg", Blocks::Always},
    NamedCall{SYS_sendmmsg, "sendmmsg", Blocks::Always},
    NamedCall{SYS_recvmmsg, "recvmmsg", Blocks::Always},
    NamedCall{SYS_splice, "splice", Blocks::Always},
    NamedCall{SYS_flock, "flock", Blocks::Always},
    NamedCall{SYS_semop, "semop", Blocks::Always},
    NamedCall{SYS_semtimedop, "semtimedop", Blocks::Always},
    NamedCall{SYS_msgsnd, "msgsnd", Blocks::Always},
    NamedCall{SYS_msgrcv, "msgrcv", Blocks::Always},
    NamedCall{SYS_mq_timedsend, "mq_timedsend", Blocks::Always},
    NamedCall{SYS_mq_timedreceive, "mq_timedreceive", Blocks::Always},
    NamedCall{SYS_io_getevents, "io_getevents", Blocks::Always},
    NamedCall{SYS_clone, "clone", Blocks::Never},
    NamedCall{SYS_fork, "fork", Blocks::Never},
    NamedCall{SYS_vfork, "vfork", Blocks::Never},
    NamedCall{SYS_execve, "execve", Blocks::Never},
    NamedCall{SYS_mmap, "mmap", Blocks::Never},
    NamedCall{SYS_munmap, "munmap", Blocks::Never},
    NamedCall{SYS_mremap, "mremap", Blocks::Never},
    NamedCall{SYS_mprotect, "mprotect", Blocks::Never},
    NamedCall{SYS_brk, "brk", Blocks::Never},
    NamedCall{SYS_madvise, "madvise", Blocks::Never},
    NamedCall{SYS_shmat, "shmat", Blocks::Never},
    NamedCall{SYS_shmdt, "shmdt", Blocks::Never},
};

const NamedCall* find(std::uint32_t number) {
    const auto* const found = std::ranges::find(calls, number, &NamedCall::number);
    return found == calls.end() ? nullptr : found;
}

bool operation_blocks(const SyscallRecord& call) {
    if (call.number == SYS_fcntl) return call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW;
    switch (call.arguments[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_REQUEUE_PI:
        return true;
    default:
        return false;
    }
}

} // namespace

bool may_block(const SyscallRecord& call) {
    const NamedCall* const known = find(call.number);
    if (known == nullptr) return false;
    switch (known->blocks) {
    case Blocks::Always:
        return true;
    case Blocks::OnPipe:
        return call.enter_order != 0;
    case Blocks::ByOperation:
        return operation_blocks(call);
    case Blocks::Never:
        return false;
    }
    return false;
}

bool sleeps_for_a_time(const SyscallRecord& call) {
    return call.number == SYS_nanosleep || call.number == SYS_clock_nanosleep;
}

std::string name_of_call(std::uint32_t number) {
    const NamedCall* const known = find(number);
    return known != nullptr ? known->name : "system call " + std::to_string(number);
}

} // namespace pagewalk::workloads
