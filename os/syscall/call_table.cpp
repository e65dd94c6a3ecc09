#include "os/syscall/call_table.h"

#include "contract/system_calls.h"
#include "os/syscall/argument_memory.h"
#include "os/syscall/handlers.h"
#include "os/syscall/hugetlb_calls.h"
#include "os/syscall/numa_calls.h"
#include "os/syscall/possible_calls.h"
#include "os/syscall/timed_calls.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace pagewalk::os {
namespace {

/// A modelled system call; contract/system_calls.h has its name and all else.
struct CallRow {
    std::uint32_t number = 0;
    CallHandler handler = nullptr;
};

constexpr std::array rows = std::to_array<CallRow>({
    {0, sys_read},
    {1, sys_write},
    {2, sys_open},
    {3, sys_close},
    {8, sys_lseek},
    {9, sys_mmap},
    {10, sys_mprotect},
    {11, sys_munmap},
    {12, sys_brk},
    {17, sys_pread64},
    {18, sys_pwrite64},
    {19, sys_read},
    {20, sys_write},
    {22, sys_pipe},
    {24, sys_sched_yield},
    {26, sys_msync},
    {25, sys_mremap},
    {27, sys_mincore},
    {28, sys_madvise},
    {29, sys_shmget},
    {30, sys_shmat},
    {31, sys_shmctl},
    {32, sys_dup},
    {33, sys_dup},
    {40, sys_sendfile},
    {41, sys_socket},
    {43, sys_socket},
    {44, sys_write},
    {45, sys_read},
    {46, sys_write},
    {47, sys_read},
    {53, sys_socketpair},
    {56, sys_clone},
    {57, sys_fork},
    {58, sys_vfork},
    {59, sys_execve},
    {60, sys_exit},
    {61, sys_wait4},
    {67, sys_shmdt},
    {72, sys_fcntl},
    {74, sys_fsync},
    {75, sys_fsync},
    {76, sys_truncate},
    {77, sys_ftruncate},
    {85, sys_creat},
    {87, sys_unlink},
    {149, sys_mlock},
    {150, sys_munlock},
    {151, sys_mlockall},
    {152, sys_munlockall},
    {202, sys_futex},
    {203, sys_setaffinity},
    {162, sys_sync},
    {187, sys_readahead},
    {277, sys_sync_file_range},
    {306, sys_sync},
    {221, sys_fadvise64},
    {231, sys_exit_group},
    {237, sys_mbind},
    {238, sys_set_mempolicy},
    {256, sys_migrate_pages},
    {279, sys_move_pages},
    {263, sys_unlinkat},
    {247, sys_waitid},
    {257, sys_openat},
    {275, sys_splice},
    {276, sys_tee},
    {278, sys_vmsplice},
    {285, sys_fallocate},
    {288, sys_socket},
    {292, sys_dup3},
    {293, sys_pipe},
    {295, sys_pread64},
    {296, sys_pwrite64},
    {299, sys_read},
    {307, sys_write},
    {319, sys_memfd_create},
    {322, sys_execve},
    {325, sys_mlock2},
    {326, sys_splice},
    {327, sys_preadv2},
    {328, sys_pwritev2},
    {435, sys_clone3},
    {436, sys_close_range},
    {437, sys_openat2},
});

/// By place in the table of all calls. Does not compile where a number has no place there, or two handlers.
constexpr auto handlers = [] {
    std::array<CallHandler, system_calls.size()> result{};
    for (const CallRow& row : rows) {
        CallHandler& place = result.at(find_system_call(row.number) - system_calls.data());
        if (place != nullptr) throw "two rows for one call";
        place = row.handler;
    }
    return result;
}();

/// Does the call end with this error after it has done a part? Up to a hole between areas, or around holes,
/// or up to an area that is not of the right kind.
bool ends_half_done(CallHandler handler, std::int64_t result) {
    if (result == -EFAULT) return handler == sys_mremap || handler == sys_madvise;
    if (result == -EINVAL) return handler == sys_madvise;
    constexpr std::array walks{sys_mprotect, sys_madvise, sys_mlock, sys_mlock2, sys_munlock};
    return result == -ENOMEM && std::ranges::find(walks, handler) != walks.end();
}

} // namespace

CallHandler handler_of(std::uint32_t number) {
    const SystemCall* const call = find_system_call(number);
    return call != nullptr ? handlers[static_cast<std::size_t>(call - system_calls.data())] : nullptr;
}

void begin_call(CallContext& call) {
    if (handler_of(call.record.number) == sys_write) begin_write(call);
    answer_call_about_memory(call);
}

void serve_call(CallContext& call) {
    const CallHandler handler = handler_of(call.record.number);
    if (call.record.result < 0 && handler == sys_write) abandon_write(call);
    if (call.record.result < 0 && handler == sys_mmap) drop_promise(call);
    // QEMU 7.2's user mode has no mlock2; Linux does it.
    const bool refused_by_emulator = call.record.result == -ENOSYS && handler == sys_mlock2;
    const bool half_done = ends_half_done(handler, call.record.result);
    const bool refused = call.record.result == -EFAULT || call.record.result == -ENOSYS;
    if (refused && !refused_by_emulator && !half_done) return;
    ArgumentMemory arguments(call);
    arguments.copy_in();
    if (const Tick time = slept(call.record); time != Tick())
        call.op.host->sleep(call.op, call.op.now + time);
    const bool does_something = call.record.result >= 0 || refused_by_emulator || half_done;
    if (handler != nullptr && does_something && is_possible(call)) handler(call);
    if (call.record.result >= 0 && !call.task.exited) arguments.copy_out();
    arguments.finish();
}

} // namespace pagewalk::os
