#include "os/syscall/argument_memory.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t buffer = 0x7f0000000000;

/// A program with 16 untouched pages.
struct ArgumentMemoryTest : testing::Test {
    Machine machine;

    void SetUp() override {
        machine.boot();
        (void)machine.pick();
        machine.map_anonymous(buffer, 16 * page_size);
    }
    [[nodiscard]] const KernelCounters& counters() const { return machine.kernel->counters(); }
    [[nodiscard]] std::uint64_t faults(FaultKind kind) const {
        return counters().faults[static_cast<std::size_t>(kind)];
    }
};

TEST_F(ArgumentMemoryTest, GetsWhatACallWrites) {
    const test::PathTotals totals = machine.call(SYS_fstat, {3, buffer + page_size - 100}, 0);
    EXPECT_EQ(counters().copied_to_user, 144U);
    EXPECT_EQ(totals.copied, 144U);
    EXPECT_EQ(faults(FaultKind::AnonymousWrite), 2U); // it lies in two pages
}

TEST_F(ArgumentMemoryTest, IsReadByACallWithoutGettingPagesOfItsOwn) {
    machine.call(SYS_rt_sigaction, {2, buffer, 0, 8}, 0);
    EXPECT_EQ(counters().copied_from_user, 32U);
    EXPECT_EQ(counters().copied_to_user, 0U);
    EXPECT_EQ(faults(FaultKind::AnonymousRead), 1U);
}

TEST_F(ArgumentMemoryTest, HasTheLengthThatArgumentsAndResultTell) {
    machine.call(SYS_poll, {buffer, 3, 0}, 1);
    EXPECT_EQ(counters().copied_from_user, 24U);
    EXPECT_EQ(counters().copied_to_user, 24U);
    machine.call(SYS_epoll_wait, {4, buffer, 64, 0}, 2);
    EXPECT_EQ(counters().copied_to_user, 24U + 2 * 12U);
    machine.call(SYS_getrandom, {buffer, 3 * page_size, 0}, 2 * page_size);
    EXPECT_EQ(counters().copied_to_user, 48U + 2 * page_size);
    machine.call(SYS_select, {65, buffer, 0, 0, 0}, 1);
    EXPECT_EQ(counters().copied_to_user, 48U + 2 * page_size + 16);
}

TEST_F(ArgumentMemoryTest, IsNotWrittenByACallThatFailed) {
    machine.call(
        SyscallRecord{.number = SYS_stat, .arguments = {buffer, buffer + 4096}, .result = -2, .path = "/no"});
    EXPECT_EQ(counters().copied_to_user, 0U);
    EXPECT_EQ(counters().copied_from_user, 4U); // the name and its end
    machine.call(SYS_fstat, {3, buffer}, -14);  // EFAULT
    EXPECT_EQ(counters().copied_to_user, 0U);
}

TEST_F(ArgumentMemoryTest, HoldsAFileNameInAPageForAsLongAsTheCallLasts) {
    const std::uint64_t before = machine.kernel->objects().objects(ObjectKind::PathName);
    machine.call(
        SyscallRecord{.number = SYS_rename, .arguments = {buffer, buffer + page_size}, .path = "/from"});
    EXPECT_EQ(counters().copied_from_user, 6U + 32U);
    EXPECT_EQ(machine.kernel->objects().objects(ObjectKind::PathName), before);
}

TEST_F(ArgumentMemoryTest, IsAsLargeAsAnIoctlsRequestSays) {
    EXPECT_EQ(request_size(TCGETS).out, 36U);
    EXPECT_EQ(request_size(TIOCGWINSZ).out, 8U);
    EXPECT_EQ(request_size(_IOW('x', 1, std::uint64_t)).in, 8U);
    EXPECT_EQ(request_size(_IOW('x', 1, std::uint64_t)).out, 0U);
    EXPECT_EQ(request_size(_IO('x', 1)).in, 0U);
    machine.call(SYS_ioctl, {0, TIOCGWINSZ, buffer}, 0);
    EXPECT_EQ(counters().copied_to_user, 8U);
}

} // namespace
} // namespace pagewalk::os
