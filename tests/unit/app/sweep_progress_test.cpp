#include "app/sweep_progress.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(SweepProgress, TellsTimeLeftFromTheRateOfPointsOnceOneEnded) {
    EXPECT_EQ(progress_line({.points = 10, .finished = 4, .running = 2}), "  4 of 10 points  2 running");
    EXPECT_EQ(progress_line(
                  {.points = 10, .finished = 5, .failed = 1, .running = 2, .ended_now = 2, .seconds = 30}),
              "  5 of 10 points  2 running  1 failed  60 s left");
    EXPECT_EQ(progress_line({.points = 10, .finished = 10, .ended_now = 6, .seconds = 30}),
              "  10 of 10 points");
}

TEST(DurationText, ChoosesTheUnit) {
    EXPECT_EQ(duration_text(0.2), "1 s");
    EXPECT_EQ(duration_text(99), "99 s");
    EXPECT_EQ(duration_text(121), "3 min");
    EXPECT_EQ(duration_text(7260), "2 h 1 min");
}

} // namespace
} // namespace pagewalk::app
