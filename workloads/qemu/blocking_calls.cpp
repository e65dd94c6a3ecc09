#include "workloads/qemu/blocking_calls.h"

#include "contract/calls_about_memory.h"
#include "contract/system_calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace pagewalk::workloads {

namespace {

/// Calls about memory wait for the OS layer's answer.
bool operation_blocks(const SyscallRecord& call) {
    if (call.number == SYS_fcntl) return call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW;
    if (call.number != SYS_futex)
        return calls_about_memory::opens_file(call.number, call.path) ||
               calls_about_memory::is_answered(call.number, call.arguments);
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
    switch (traits_of_call(call.number).blocking) {
    case CallBlocking::Always:
    case CallBlocking::Sleeps:
        return true;
    case CallBlocking::OnPipe:
        return call.enter_order != 0;
    case CallBlocking::ByOperation:
        return operation_blocks(call);
    case CallBlocking::Never:
        return false;
    }
    return false;
}

bool sleeps_for_a_time(const SyscallRecord& call) {
    return traits_of_call(call.number).blocking == CallBlocking::Sleeps;
}

bool waits_for_a_signal(const SyscallRecord& call) {
    return call.number == SYS_pause || call.number == SYS_rt_sigsuspend || call.number == SYS_rt_sigtimedwait;
}

std::string name_of_call(std::uint32_t number) {
    const SystemCall* const known = find_system_call(number);
    return known != nullptr ? std::string(known->name) : "system call " + std::to_string(number);
}

} // namespace pagewalk::workloads
