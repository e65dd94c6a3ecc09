#include "os/reclaim/policy/clock_policy.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr Pfn frame{7};

TEST(ClockPolicy, GivesEachUseOneMoreRound) {
    ClockPolicy clock;
    const auto used = clock.judge(frame, {.entries = 3});
    EXPECT_EQ(used.fate, ReclaimPolicy::Fate::Keep);
    EXPECT_FALSE(used.referenced);
    EXPECT_EQ(clock.judge(frame, {.referenced = true}).fate, ReclaimPolicy::Fate::Keep);
    EXPECT_EQ(clock.judge(frame, {}).fate, ReclaimPolicy::Fate::Reclaim);
}

TEST(ClockPolicy, HasNoActiveList) {
    ClockPolicy clock;
    EXPECT_FALSE(clock.inactive_is_low(0, 0));
    EXPECT_TRUE(clock.inactive_is_low(1000, 1));
    EXPECT_FALSE(clock.stays_active(frame, {.entries = 1}));
}

} // namespace
} // namespace pagewalk::os
