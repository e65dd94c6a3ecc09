#include "workloads/qemu/blocking_calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

SyscallRecord call(std::uint32_t number, std::uint64_t second_argument = 0, std::uint64_t order = 0) {
    SyscallRecord record;
    record.number = number;
    record.arguments[1] = second_argument;
    record.enter_order = order;
    return record;
}

TEST(BlockingCalls, DependOnTheOperation) {
    EXPECT_TRUE(may_block(call(SYS_wait4)));
    EXPECT_TRUE(may_block(call(SYS_futex, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG)));
    EXPECT_FALSE(may_block(call(SYS_futex, FUTEX_WAKE | FUTEX_PRIVATE_FLAG)));
    EXPECT_TRUE(may_block(call(SYS_fcntl, F_SETLKW)));
    EXPECT_FALSE(may_block(call(SYS_fcntl, F_GETFL)));
    EXPECT_FALSE(may_block(call(SYS_mmap)));
    EXPECT_FALSE(may_block(call(SYS_clone)));
}

TEST(BlockingCalls, CountAReadOfAPipeButNotOfAFile) {
    EXPECT_TRUE(may_block(call(SYS_read, 0, 17)));
    EXPECT_FALSE(may_block(call(SYS_read)));
}

TEST(BlockingCalls, WaitForWhatOnlyTheSimulatedKernelKnows) {
    EXPECT_TRUE(may_block(call(SYS_mbind)));
    EXPECT_TRUE(may_block(call(SYS_move_pages)));
    SyscallRecord policy = call(SYS_get_mempolicy);
    EXPECT_FALSE(may_block(policy));
    policy.arguments[4] = 2; // MPOL_F_ADDR
    EXPECT_TRUE(may_block(policy));
    SyscallRecord opened = call(SYS_openat);
    for (const char* path : {"/proc/self/status", "/proc/self/numa_maps", "/proc/self/statm"}) {
        opened.path = path;
        EXPECT_TRUE(may_block(opened)) << path;
    }
    for (const char* path : {"/proc/self/maps", "/proc/1/status", "status", ""}) {
        opened.path = path;
        EXPECT_FALSE(may_block(opened)) << path;
    }
}

TEST(BlockingCalls, HaveNames) {
    EXPECT_EQ(name_of_call(SYS_futex), "futex");
    EXPECT_EQ(name_of_call(9999), "system call 9999");
    EXPECT_TRUE(sleeps_for_a_time(call(SYS_nanosleep)));
    EXPECT_FALSE(sleeps_for_a_time(call(SYS_futex)));
}

TEST(BlockingCalls, MayWaitForASignalOfATimer) {
    EXPECT_TRUE(waits_for_a_signal(call(SYS_pause)));
    EXPECT_TRUE(waits_for_a_signal(call(SYS_rt_sigsuspend)));
    EXPECT_TRUE(waits_for_a_signal(call(SYS_rt_sigtimedwait)));
    EXPECT_FALSE(waits_for_a_signal(call(SYS_wait4)));
}

} // namespace
} // namespace pagewalk::workloads
