#include "os/syscall/timed_calls.h"

#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

SyscallRecord call(std::uint32_t number, std::array<std::uint64_t, 6> arguments, std::int64_t result) {
    SyscallRecord record;
    record.number = number;
    record.arguments = arguments;
    record.result = result;
    return record;
}

SyscallRecord with_time(SyscallRecord record, std::uint64_t ns) {
    record.segments.push_back({VirtAddr(0x1000), ns});
    return record;
}

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr Tick one_second{ticks_per_second};

TEST(TimedCalls, ASleepThatHasEndedTookWhatItAskedFor) {
    EXPECT_EQ(slept(with_time(call(SYS_nanosleep, {0x1000}, 0), second_ns)), one_second);
    EXPECT_EQ(slept(with_time(call(SYS_clock_nanosleep, {0, TIMER_ABSTIME, 0x1000}, 0), second_ns)),
              one_second);
}

TEST(TimedCalls, ASleepThatASignalEndedTookNobodyKnowsHowLong) {
    EXPECT_EQ(slept(with_time(call(SYS_nanosleep, {0x1000}, -EINTR), second_ns)), Tick());
}

TEST(TimedCalls, APollThatFoundNothingTookItsTimeOut) {
    EXPECT_EQ(slept(call(SYS_poll, {0, 0, 1000}, 0)), one_second);
    EXPECT_EQ(slept(call(SYS_epoll_wait, {3, 0, 8, 1000}, 0)), one_second);
    EXPECT_EQ(slept(call(SYS_poll, {0, 1, 1000}, 1)), Tick());
    EXPECT_EQ(slept(call(SYS_poll, {0, 1, 0}, 0)), Tick());
    EXPECT_EQ(slept(call(SYS_poll, {0, 1, 0xffff'ffff}, 0)), Tick()) << "for ever";
}

TEST(TimedCalls, AFutexWaitTookItsTimeOutWhereItTimedOut) {
    EXPECT_EQ(slept(with_time(call(SYS_futex, {0x2000, FUTEX_WAIT, 0, 0x1000}, -ETIMEDOUT), second_ns)),
              one_second);
    EXPECT_EQ(slept(with_time(call(SYS_futex, {0x2000, FUTEX_WAIT, 0, 0x1000}, 0), second_ns)), Tick());
    EXPECT_EQ(slept(call(SYS_futex, {0x2000, FUTEX_WAKE, 1}, 0)), Tick());
}

TEST(TimedCalls, OtherCallsAndUnknownTimesTakeNone) {
    EXPECT_EQ(slept(with_time(call(SYS_read, {0, 0x1000, 8}, 0), second_ns)), Tick());
    EXPECT_EQ(slept(call(SYS_nanosleep, {0x1000}, 0)), Tick());
}

TEST(TimedCalls, EndlessTimesFitATick) {
    EXPECT_GT(slept(with_time(call(SYS_nanosleep, {0x1000}, 0), 1ULL << 62)), one_second);
    EXPECT_LT(slept(with_time(call(SYS_nanosleep, {0x1000}, 0), 1ULL << 62)), Tick(1ULL << 63));
}

} // namespace
} // namespace pagewalk::os
