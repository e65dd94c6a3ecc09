#include "models/memory/refresh_schedule.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(RefreshSchedule, BlocksFromEachIntervalForItsLength) {
    RefreshSchedule schedule(Cycles(1000), Cycles(100), Cycles(0));
    EXPECT_EQ(schedule.after_refresh(999), 999U);
    EXPECT_EQ(schedule.after_refresh(1000), 1100U);
    EXPECT_EQ(schedule.after_refresh(1099), 1100U);
    EXPECT_EQ(schedule.after_refresh(1100), 1100U);
    EXPECT_EQ(schedule.period(1999), 1U);
    EXPECT_EQ(schedule.period(2000), 2U);
}

TEST(RefreshSchedule, HasNoneBeforeTheFirstInterval) {
    RefreshSchedule schedule(Cycles(1000), Cycles(100), Cycles(0));
    EXPECT_EQ(schedule.after_refresh(0), 0U);
    EXPECT_EQ(schedule.period(0), 0U);
}

TEST(RefreshSchedule, ShiftMovesEveryRefresh) {
    RefreshSchedule schedule(Cycles(1000), Cycles(100), Cycles(500));
    EXPECT_EQ(schedule.period(0), 0U);
    EXPECT_EQ(schedule.after_refresh(1000), 1000U);
    EXPECT_EQ(schedule.after_refresh(1500), 1600U);
    EXPECT_EQ(schedule.after_refresh(2499), 2499U);
    EXPECT_EQ(schedule.after_refresh(2500), 2600U);
}

TEST(RefreshSchedule, AnswersTimesThatRunBackwards) {
    RefreshSchedule schedule(Cycles(1000), Cycles(100), Cycles(500));
    EXPECT_EQ(schedule.period(10'500), 10U);
    EXPECT_EQ(schedule.period(3'499), 2U);
    EXPECT_EQ(schedule.period(100), 0U);
    EXPECT_EQ(schedule.after_refresh(1'550), 1'600U);
}

TEST(RefreshSchedule, SpanThatARefreshWouldCutBeginsBehindIt) {
    RefreshSchedule schedule(Cycles(1000), Cycles(100), Cycles(500));
    EXPECT_EQ(schedule.undisturbed(400, 99), 400U);
    EXPECT_EQ(schedule.undisturbed(400, 100), 600U); // in the first period too, which begins without one
    EXPECT_EQ(schedule.undisturbed(1'520, 10), 1'600U);
    EXPECT_EQ(schedule.undisturbed(2'489, 10), 2'489U);
    EXPECT_EQ(schedule.undisturbed(2'490, 10), 2'600U);
}

} // namespace
} // namespace pagewalk::models
