#include "workloads/qemu/interval_timer.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

itimerval timer(long seconds, long microseconds) { return {{seconds, microseconds}, {0, 0}}; }

TEST(IntervalTimer, MakesATickAHundredTimesAsLong) {
    const itimerval longer = stretched(timer(0, 1'000));
    EXPECT_EQ(longer.it_interval.tv_sec, 0);
    EXPECT_EQ(longer.it_interval.tv_usec, 100'000);
    EXPECT_EQ(longer.it_value.tv_usec, 0); // disarmed stays disarmed
}

TEST(IntervalTimer, StopsAtHalfASecond) {
    EXPECT_EQ(stretched(timer(0, 5'000)).it_interval.tv_usec, 500'000);
    EXPECT_EQ(stretched(timer(0, 400'000)).it_interval.tv_usec, 500'000);
}

TEST(IntervalTimer, LeavesLongTimesAlone) {
    const itimerval same = stretched(timer(2, 7));
    EXPECT_EQ(same.it_interval.tv_sec, 2);
    EXPECT_EQ(same.it_interval.tv_usec, 7);
}

} // namespace
} // namespace pagewalk::workloads
