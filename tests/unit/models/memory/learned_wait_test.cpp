#include "models/memory/learned_wait.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(LearnedWait, IntervalFollowsTheMeanOfWhatIsLearned) {
    LearnedWait wait(4);
    EXPECT_EQ(wait.time_for(10), 40U);
    for (int i = 0; i < 1000; ++i) wait.learn_interval(i % 2 == 0 ? 8 : 12);
    EXPECT_NEAR(static_cast<double>(wait.time_for(100)), 1000.0, 20.0);
}

TEST(LearnedWait, CorrectedForecastsComeToBeRightOnAverage) {
    LearnedWait wait(4);
    const std::uint8_t few = LearnedWait::load(2), many = LearnedWait::load(60);
    ASSERT_NE(few, many);
    EXPECT_EQ(wait.correct(1000, few), 1000U);
    for (int i = 0; i < 10'000; ++i) {
        wait.learn_error(wait.correct(500, few), i % 2 == 0 ? 520 : 540, few);
        wait.learn_error(wait.correct(500, many), 450, many);
    }
    EXPECT_NEAR(static_cast<double>(wait.correct(1000, few)), 1030.0, 2.0);
    EXPECT_NEAR(static_cast<double>(wait.correct(1000, many)), 950.0, 2.0);
    EXPECT_EQ(wait.correct(10, many), 0U);
}

TEST(LearnedWait, LoadsGrowWithTheNumberThatWaits) {
    EXPECT_EQ(LearnedWait::load(0), 0U);
    EXPECT_EQ(LearnedWait::load(1), 1U);
    EXPECT_EQ(LearnedWait::load(3), LearnedWait::load(2));
    EXPECT_EQ(LearnedWait::load(1'000'000), LearnedWait::load(4096));
}

} // namespace
} // namespace pagewalk::models
