#include "base/rng.h"
#include "models/memory/clock_calendar.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using Row = ClockCalendar::RowMask;
constexpr std::uint64_t ring = 16'384;

TEST(ClockCalendar, FindsTheFirstClockThatIsFreeInBothRows) {
    ClockCalendar calendar(3);
    calendar.reach(1100);
    calendar.block(1000, Row{0, 0b0111}, Row{1, 0b1100});
    EXPECT_EQ(calendar.find(0, 1, 999), 999U);
    EXPECT_EQ(calendar.find(0, 1, 1000), 1004U);
    EXPECT_EQ(calendar.find(0, 2, 1000), 1003U);
    EXPECT_EQ(calendar.find(1, 2, 1001), 1001U);
    EXPECT_EQ(calendar.find(1, 2, 1002), 1004U);
}

TEST(ClockCalendar, WhatLiesBehindAllBlocksIsFree) {
    ClockCalendar calendar(1);
    calendar.reach(1000);
    calendar.block(900, Row{0, ~0ULL});
    EXPECT_EQ(calendar.find(0, 0, 1'000'000), 1'000'000U);
}

TEST(ClockCalendar, TellsWhatIsBlockedOnBothSides) {
    ClockCalendar calendar(1);
    calendar.reach(1000 + 64);
    for (const std::uint64_t at : {936U, 999U, 1000U, 1063U}) calendar.block(at, Row{0, 1});
    const auto [before, from] = calendar.around(1000).bits(0);
    EXPECT_EQ(before, 1ULL << 63 | 1);
    EXPECT_EQ(from, 1ULL << 63 | 1);
}

TEST(ClockCalendar, BlocksOnBothSides) {
    for (std::uint64_t at = 1000; at < 1128; ++at) {
        ClockCalendar calendar(2);
        calendar.reach(at + 64);
        calendar.around(at).block(1, {0b111ULL << 61, 0b11});
        EXPECT_EQ(calendar.find(1, 0, at - 4), at - 4);
        EXPECT_EQ(calendar.find(1, 0, at - 3), at + 2);
        calendar.around(at).block(0);
        EXPECT_EQ(calendar.find(0, 0, at - 1), at - 1);
        EXPECT_EQ(calendar.find(0, 0, at), at + 1);
    }
}

TEST(ClockCalendar, HoldsWhatLiesAroundAllButTheOldestOfTheRing) {
    ClockCalendar calendar(1);
    EXPECT_TRUE(calendar.holds_around(0));
    calendar.reach(3 * ring);
    EXPECT_TRUE(calendar.holds_around(3 * ring));
    EXPECT_TRUE(calendar.holds_around(2 * ring + 1024));
    EXPECT_FALSE(calendar.holds_around(2 * ring - 64));
}

TEST(ClockCalendar, WhatWouldBeginBeforeTheFirstClockIsCut) {
    ClockCalendar calendar(1);
    calendar.reach(64);
    calendar.block(std::uint64_t{0} - 4, Row{0, 0xff});
    EXPECT_EQ(calendar.find(0, 0, 0), 4U);
    EXPECT_EQ(calendar.around(2).bits(0).before, 0b11ULL << 62);
}

TEST(ClockCalendar, ForgetsWhatIsOlderThanTheRing) {
    ClockCalendar calendar(1);
    calendar.reach(100);
    calendar.block(100, Row{0, 1});
    calendar.reach(100 + 2 * ring);
    EXPECT_EQ(calendar.find(0, 0, 100), 100U);
    calendar.block(100, Row{0, 1});
    EXPECT_EQ(calendar.find(0, 0, 100), 100U);
    EXPECT_EQ(calendar.find(0, 0, 100 + ring), 100U + ring);
    EXPECT_EQ(calendar.find(0, 0, 100 + 2 * ring), 100U + 2 * ring);
}

TEST(ClockCalendar, SearchFromBeforeTheRingOfALaggingResourceStartsWithinIt) {
    ClockCalendar calendar(2);
    const std::uint64_t until = 3 * ring;
    calendar.reach(until);
    calendar.block_all(0, 0, until);
    EXPECT_EQ(calendar.find(0, 1, 50), until);
    EXPECT_EQ(calendar.find(1, 0, 50), 50U);
}

TEST(ClockCalendar, AgreesWithAListOfAllBlockedClocks) {
    constexpr std::uint64_t clocks = 4'000;
    ClockCalendar calendar(2);
    std::vector<std::vector<bool>> plain(2, std::vector<bool>(2 * clocks));
    Rng rng(3, "clocks");
    std::uint64_t latest = 0;
    for (int i = 0; i < 400; ++i) {
        const std::uint64_t from = rng.below(clocks), mask = rng.below(1ULL << 40), row = rng.below(2);
        latest = std::max(latest, from + 64);
        calendar.reach(latest);
        calendar.block(from, Row{row, mask});
        for (std::uint64_t bit = 0; bit < 64; ++bit)
            if ((mask >> bit & 1) != 0) plain[row][from + bit] = true;
        const std::uint64_t until = from + rng.below(200);
        latest = std::max(latest, until);
        calendar.reach(latest);
        calendar.block_all(row, from, until);
        for (std::uint64_t clock = from; clock < until; ++clock) plain[row][clock] = true;
        const std::uint64_t asked = rng.below(clocks);
        std::uint64_t free = asked;
        while (plain[0][free] || plain[1][free]) ++free;
        ASSERT_EQ(calendar.find(0, 1, asked), free);
    }
}

} // namespace
} // namespace pagewalk::models
