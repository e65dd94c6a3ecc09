#include "base/rng.h"
#include "models/memory/command_limits.h"
#include "models/memory/dram_device.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t start = 1'600;

/// DDR4-3200: burst 4, tCL 22, tCWL 16, tCCD_L 8, tWTR_S 4, tWTR_L 12, tRTRS 2, tRRD_S 4, tRRD_L 8, tFAW 34.
DramTiming timing() { return DramTiming::make(facts_of(DramDevice::Ddr4_3200_8Gb_x8).timing, {}, 8); }

TEST(GroupTimes, KeepTheLatestAndCountWhatIsBeforeTheBaseAsTheBase) {
    GroupTimes times(10);
    times.put_off(2, 50);
    times.put_off(2, 40);
    times.put_off(9, 1'000'000'000);
    std::vector<std::int32_t> apart(times.width(), 1);
    apart[3] = 70;
    times.put_off_all(10, apart.data());
    EXPECT_EQ(times[2], 50U);
    EXPECT_EQ(times[3], 80U);
    EXPECT_EQ(times[4], 11U);
    times.move_base(60);
    EXPECT_EQ(times[2], 60U);
    EXPECT_EQ(times[3], 80U);
    EXPECT_EQ(times[9], 1'000'000'000U);
    times.move_base(900'000'000);
    times.put_off(0, 3'000'000'000);
    EXPECT_EQ(times[0], 3'000'000'000U);
    EXPECT_EQ(times[9], 1'000'000'000U);
    EXPECT_EQ(times.eight_from(9)[0], 100'000'000);
}

TEST(ColumnLimits, NextCommandDependsOnBankGroupAndRank) {
    ColumnLimits limits(timing(), 2, 4);
    limits.given(start, BusDirection::Read, 0);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 1), start + 4);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 0), start + 8);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 4), start + 4 + 2);
    EXPECT_EQ(limits.not_before(BusDirection::Write, 0), start + 22 + 4 + 2 - 16);
}

TEST(ColumnLimits, ReadWaitsForTheTurnaroundOfItsRankOnly) {
    ColumnLimits limits(timing(), 2, 4);
    limits.given(start, BusDirection::Write, 0);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 0), start + 16 + 4 + 12);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 1), start + 16 + 4 + 4);
    EXPECT_EQ(limits.not_before(BusDirection::Read, 4), start + 1); // its data come tCL later anyway
    EXPECT_EQ(limits.not_before(BusDirection::Write, 1), start + 4);
}

TEST(ActivateLimits, FifthWaitsForTheWindowAndItsOwnGroupLonger) {
    ActivateLimits limits(timing(), 2, 4);
    for (std::uint32_t i = 0; i < 4; ++i) {
        limits.given(start + 4 * i, i);
        if (i < 3) {
            EXPECT_EQ(limits.not_before(i + 1), start + 4 * (i + 1));
            EXPECT_EQ(limits.not_before(i), start + 4 * i + 8);
        }
    }
    EXPECT_EQ(limits.not_before(0), start + 34);
    EXPECT_EQ(limits.not_before(4), 0U); // the other rank's
}

/// Whatever comes, the limits are the earliest moments that all earlier commands allow: none too early, and
/// nothing waits while there is room.
TEST(ColumnLimits, AreTheEarliestThatAllEarlierCommandsAllow) {
    const DramTiming t = timing();
    struct Given {
        std::uint64_t time;
        BusDirection direction;
        std::uint32_t group;
    };
    const auto data = [&](BusDirection direction) {
        return (direction == BusDirection::Read ? t.t_cl : t.t_cwl).value();
    };
    const auto allowed = [&](const Given& first, const Given& second) {
        const std::uint64_t begin = first.time + data(first.direction),
                            next = second.time + data(second.direction);
        const bool same_rank = first.group / 4 == second.group / 4, same_group = first.group == second.group;
        if (second.time < first.time || next < begin + 4) return false;
        if (!same_rank || (first.direction == BusDirection::Read && second.direction == BusDirection::Write))
            return next >= begin + 4 + 2;
        if (first.direction == second.direction) return second.time >= first.time + (same_group ? 8 : 4);
        return second.time >= begin + 4 + (same_group ? 12 : 4);
    };
    ColumnLimits limits(t, 2, 4);
    Rng rng(5, "columns");
    std::vector<Given> all;
    std::uint64_t now = start;
    for (int i = 0; i < 3'000; ++i) {
        Given next{now, rng.below(3) == 0 ? BusDirection::Write : BusDirection::Read,
                   static_cast<std::uint32_t>(rng.below(8))};
        while (!std::ranges::all_of(all, [&](const Given& one) { return allowed(one, next); })) ++next.time;
        ASSERT_EQ(std::max({limits.not_before(next.direction, next.group), now}), next.time) << i;
        next.time += rng.below(4) == 0 ? rng.below(40) : 0;
        limits.given(next.time, next.direction, next.group);
        all.push_back(next);
        if (all.size() > 40) all.erase(all.begin());
        now = next.time + 1;
    }
}

TEST(ActivateLimits, AreTheEarliestThatAllEarlierActivatesAllow) {
    const DramTiming t = timing();
    ActivateLimits limits(t, 1, 4);
    Rng rng(6, "activates");
    struct Given {
        std::uint64_t time;
        std::uint32_t group;
    };
    std::vector<Given> all;
    std::uint64_t now = start;
    for (int i = 0; i < 3'000; ++i) {
        Given next{now, static_cast<std::uint32_t>(rng.below(4))};
        const auto allowed = [&] {
            const auto recent = std::ranges::count_if(
                all, [&](const Given& one) { return next.time < one.time + t.t_faw.value(); });
            return recent < 4 && std::ranges::all_of(all, [&](const Given& one) {
                       return next.time >= one.time + (one.group == next.group ? 8U : 4U);
                   });
        };
        while (!allowed()) ++next.time;
        ASSERT_EQ(std::max(limits.not_before(next.group), now), next.time) << i;
        next.time += rng.below(4) == 0 ? rng.below(30) : 0;
        limits.given(next.time, next.group);
        all.push_back(next);
        if (all.size() > 20) all.erase(all.begin());
        now = next.time;
    }
}

} // namespace
} // namespace pagewalk::models
