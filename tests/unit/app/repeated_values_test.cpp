#include "app/repeated_values.h"

#include <cmath>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

constexpr double one_percent = 0.01;

bool moved(const RepeatedValues& a, const RepeatedValues& b, bool is_count = false) {
    return movement_between(a, b, is_count, one_percent).is_beyond_noise;
}

TEST(MovementBetween, SingleValuesMoveByTheLeastShare) {
    EXPECT_FALSE(moved({{100}, {1}}, {{100.9}, {1}}));
    EXPECT_TRUE(moved({{100}, {1}}, {{101.1}, {1}}));
    EXPECT_TRUE(moved({{0}, {1}}, {{0.5}, {1}}));
    EXPECT_FALSE(moved({{0}, {1}}, {{0}, {1}}));
}

TEST(MovementBetween, SingleCountsMustLeavePoissonsNoise) {
    EXPECT_FALSE(moved({{100}, {1}}, {{120}, {1}}, true)); // 1.96 * sqrt(220) = 29
    EXPECT_TRUE(moved({{100}, {1}}, {{130}, {1}}, true));  // 1.96 * sqrt(230) = 29.7
    EXPECT_FALSE(moved({{0}, {1}}, {{3}, {1}}, true));
    EXPECT_TRUE(moved({{0}, {1}}, {{4}, {1}}, true));
}

TEST(MovementBetween, PairsOfSeedsTakeOutWhatTheyShare) {
    const RepeatedValues a{{100, 200, 300}, {1, 2, 3}}, b{{105, 205.5, 304.5}, {1, 2, 3}};
    const Movement paired = movement_between(a, b, false, one_percent);
    EXPECT_DOUBLE_EQ(paired.after - paired.before, 5);
    EXPECT_NEAR(paired.half_width, 4.303 * 0.5 / std::sqrt(3), 1e-9);
    EXPECT_TRUE(paired.is_beyond_noise);
    EXPECT_FALSE(moved(a, {{105, 205.5, 304.5}, {4, 5, 6}})) << "without pairs the spread is noise";
}

TEST(MovementBetween, WelchsIntervalIsStudentsWhereBothAreAlike) {
    // Worked by hand: both variances 1, n = 4: sqrt(1/4 + 1/4), 6 degrees of freedom.
    const double d = std::sqrt(1.5) / std::sqrt(2);
    const RepeatedValues a{{10 - d, 10 - d, 10 + d, 10 + d}, {1, 2, 3, 4}},
        b{{12 - d, 12 - d, 12 + d, 12 + d}, {5, 6, 7, 8}};
    EXPECT_NEAR(movement_between(a, b, false, 0).half_width, 2.447 * std::sqrt(0.5), 1e-6);
}

TEST(MovementBetween, ASingleRunIsHeldToTheOthersSpread) {
    const RepeatedValues repeats{{90, 100, 110}, {1, 2, 3}};
    EXPECT_FALSE(moved(repeats, {{120}, {1}}));
    EXPECT_TRUE(moved(repeats, {{250}, {1}}));
}

TEST(MovementBetween, WhatIsUndefinedDoesNotMove) { EXPECT_FALSE(moved({{std::nan("")}, {1}}, {{1}, {1}})); }

TEST(StudentT, GoesOnBeyondItsTable) {
    EXPECT_EQ(student_t_95(1), 12.706);
    EXPECT_NEAR(student_t_95(31), 2.040, 0.005);
    EXPECT_NEAR(student_t_95(1000), 1.962, 0.001);
}

TEST(SizeOf, IsTheLogarithmOfTheRatioWithABound) {
    EXPECT_DOUBLE_EQ(size_of({.before = 1, .after = 2}), std::log(2));
    EXPECT_DOUBLE_EQ(size_of({.before = 2, .after = 1}), std::log(2));
    EXPECT_DOUBLE_EQ(size_of({.before = 0, .after = 5}), std::log(1000));
    EXPECT_DOUBLE_EQ(size_of({.before = 1, .after = 1e9}), std::log(1000));
}

} // namespace
} // namespace pagewalk::app
