#include "models/memory/read_ends.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(ReadEnds, LatestIsTheLastDataOfAllReads) {
    ReadEnds reads;
    EXPECT_EQ(reads.latest(10'000), 0U);
    reads.add(10'000, 10'300);
    reads.add(10'050, 10'100);
    EXPECT_EQ(reads.latest(10'060), 10'300U);
    EXPECT_EQ(reads.latest(20'000), 10'300U);
}

TEST(ReadEnds, ReadKnownLaterDoesNotCount) {
    ReadEnds reads;
    reads.add(20'000, 20'048);
    EXPECT_EQ(reads.latest(19'900), 0U);
    reads.add(19'000, 19'500);
    EXPECT_EQ(reads.latest(19'400), 19'500U);
    EXPECT_EQ(reads.latest(20'030), 20'048U);
}

TEST(ReadEnds, ReadCountsUntilItIsOutOfReach) {
    ReadEnds reads;
    constexpr std::uint64_t known = 64 * 100, end = known + 2 * ReadEnds::reach;
    reads.add(known, end);
    EXPECT_EQ(reads.latest(known + ReadEnds::reach - 1), end);
    EXPECT_EQ(reads.latest(known + ReadEnds::reach), 0U);
    EXPECT_EQ(reads.latest(end), end);
}

TEST(ReadEnds, SpanThatWasUsedAgainForgets) {
    ReadEnds reads;
    reads.add(64 * 5, 1000);
    reads.add(64 * (5 + 256), 64 * 300);
    reads.add(64 * 5, 1200);
    EXPECT_EQ(reads.latest(64 * 5), 0U);
    EXPECT_EQ(reads.latest(64 * (5 + 256)), 64U * 300);
}

} // namespace
} // namespace pagewalk::models
