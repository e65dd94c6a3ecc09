#include "base/rng.h"
#include "models/memory/eight_times.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using Times = std::array<std::int32_t, 8>;

Times values_of(EightTimes times) { return std::bit_cast<Times>(times); }

Times random_times(Rng& rng) {
    Times times;
    for (std::int32_t& time : times) time = static_cast<std::int32_t>(rng.below(1ULL << 31));
    return times;
}

TEST(EightTimes, AreComparedLaneByLane) {
    Rng rng(1, "eight");
    for (int round = 0; round < 100; ++round) {
        const Times a = random_times(rng), b = random_times(rng);
        const Times later = values_of(later_of(load_eight(a.data()), load_eight(b.data())));
        const Times earlier = values_of(earlier_of(load_eight(a.data()), load_eight(b.data())));
        for (std::size_t lane = 0; lane < a.size(); ++lane) {
            EXPECT_EQ(later[lane], std::max(a[lane], b[lane]));
            EXPECT_EQ(earlier[lane], std::min(a[lane], b[lane]));
        }
        EXPECT_EQ(earliest_of(load_eight(a.data())), std::ranges::min(a));
    }
}

TEST(EightTimes, SpreadTakesEachLaneFromWhereItIsTold) {
    const EightTimes times{10, 11, 12, 13, 14, 15, 16, 17};
    EXPECT_EQ(values_of(spread(times, EightTimes{0, 0, 0, 0, 1, 1, 1, 1})),
              (Times{10, 10, 10, 10, 11, 11, 11, 11}));
    EXPECT_EQ(values_of(spread(times, EightTimes{7, 6, 5, 4, 3, 2, 1, 0})),
              (Times{17, 16, 15, 14, 13, 12, 11, 10}));
}

} // namespace
} // namespace pagewalk::models
