#include "base/rng.h"
#include "models/cache/four_times.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(FourTimes, LanesOfAComparisonAreBits) {
    const std::vector<std::int64_t> times{0, 5, 6, 7, 5};
    EXPECT_EQ(lanes_of(load_four(times.data()) <= 5), 0b0011U);
    EXPECT_EQ(lanes_of(load_four(times.data() + 1) == 5), 0b1001U);
}

TEST(FourTimes, EarliestIsTheFirstOfTheSmallest) {
    Rng rng(1, "times");
    for (const std::size_t count : {4, 8, 12, 48}) {
        std::vector<std::int64_t> times(count);
        for (int i = 0; i < 2000; ++i) {
            for (std::int64_t& time : times) time = static_cast<std::int64_t>(rng.below(count));
            const auto expected = std::ranges::min_element(times);
            const IndexedTime found = earliest_of(times.data(), count);
            ASSERT_EQ(found.index, static_cast<std::size_t>(expected - times.begin()));
            ASSERT_EQ(found.time, *expected);
        }
    }
}

} // namespace
} // namespace pagewalk::models
