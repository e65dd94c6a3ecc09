#include "base/rng.h"
#include "os/file/page_ranges.h"

#include <bitset>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PageRanges, JoinsWhatTouches) {
    PageRanges ranges;
    ranges.add(0, 4);
    ranges.add(8, 12);
    EXPECT_EQ(ranges.count(), 2U);
    ranges.add(4, 8);
    EXPECT_EQ(ranges.count(), 1U);
    EXPECT_TRUE(ranges.contains(0));
    EXPECT_TRUE(ranges.contains(11));
    EXPECT_FALSE(ranges.contains(12));
}

TEST(PageRanges, SplitsAroundAHole) {
    PageRanges ranges;
    ranges.add(0, PageRanges::no_end);
    ranges.remove(10, 20);
    EXPECT_EQ(ranges.count(), 2U);
    EXPECT_TRUE(ranges.contains(9));
    EXPECT_FALSE(ranges.contains(10));
    EXPECT_FALSE(ranges.contains(19));
    EXPECT_TRUE(ranges.contains(20));
}

TEST(PageRanges, HoldWhatASetOfTheirPagesWouldHold) {
    Rng rng(7, "page_ranges");
    constexpr std::size_t pages = 64;
    PageRanges ranges;
    std::bitset<pages> expected;
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t first = rng.next() % pages;
        const std::uint64_t end = first + rng.next() % (pages - first + 1);
        const bool add = rng.next() % 2 == 0;
        add ? ranges.add(first, end) : ranges.remove(first, end);
        for (std::uint64_t i = first; i < end; ++i) expected[i] = add;
        for (std::uint64_t i = 0; i < pages; ++i) ASSERT_EQ(ranges.contains(i), expected[i]) << i;
    }
    std::size_t runs = 0;
    for (std::size_t i = 0; i < pages; ++i) runs += expected[i] && (i == 0 || !expected[i - 1]) ? 1 : 0;
    EXPECT_EQ(ranges.count(), runs);
}

} // namespace
} // namespace pagewalk::os
