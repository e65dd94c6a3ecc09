#include "base/histogram.h"

#include <gtest/gtest.h>

using pagewalk::Histogram;

TEST(Histogram, BucketsAreExactBelow32AndSixPercentWideAbove) {
    for (std::uint64_t v = 0; v < 32; ++v) EXPECT_EQ(Histogram::floor_of(Histogram::bucket_of(v)), v);
    for (std::uint64_t v = 32; v < (1ULL << 62); v += v / 4 + 1) {
        const std::uint64_t floor = Histogram::floor_of(Histogram::bucket_of(v));
        EXPECT_LE(floor, v);
        EXPECT_LE(v - floor, v / 16);
        EXPECT_GT(Histogram::floor_of(Histogram::bucket_of(v) + 1), v);
    }
    EXPECT_LT(Histogram::bucket_of(~0ULL), Histogram::bucket_count);
}

TEST(Histogram, PercentilesMeanAndDifference) {
    Histogram h;
    EXPECT_EQ(h.percentile(50), 0U);
    for (std::uint64_t v = 1; v <= 20; ++v) h.add(v);
    EXPECT_EQ(h.percentile(50), 10U);
    EXPECT_EQ(h.percentile(100), 20U);
    EXPECT_DOUBLE_EQ(h.mean(), 10.5);
    const Histogram before = h;
    h.add(1000, 3);
    const Histogram added = h.since(before);
    EXPECT_EQ(added.count(), 3U);
    EXPECT_EQ(added.sum(), 3000U);
    EXPECT_EQ(added.percentile(50), Histogram::floor_of(Histogram::bucket_of(1000)));
}
