#include "os/reclaim/scan_balance.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr ListPages equal{4096, 4096, 4096, 4096};

TEST(PagesToScan, AreASharePerPriority) {
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 4, .swappiness = 100, .swaps = true}),
              (ListPages{128, 128, 128, 128}));
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 12, .swaps = true}), (ListPages{0, 0, 0, 0}));
}

TEST(PagesToScan, PreferFilesByTheSwappinessWhereBothCostTheSame) {
    const ListPages pages = pages_to_scan({.sizes = equal, .priority = 2, .swappiness = 60, .swaps = true});
    EXPECT_EQ(pages, (ListPages{307, 307, 716, 716})); // 60 : 140 of 1024
}

TEST(PagesToScan, PreferTheKindThatCostsLess) {
    const ListPages pages =
        pages_to_scan({.sizes = equal, .cost = {0, 1000}, .priority = 2, .swappiness = 100, .swaps = true});
    EXPECT_GT(pages[0], pages[2] * 19 / 10);
    EXPECT_LE(pages[0], pages[2] * 2 + 4); // never more than twice as much
}

TEST(PagesToScan, LeaveAnonymousMemoryAloneWithoutSwapOrWithSwappinessZero) {
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 2}), (ListPages{0, 0, 1024, 1024}));
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 2, .swappiness = 0, .swaps = true}),
              (ListPages{0, 0, 1024, 1024}));
}

TEST(PagesToScan, AreOfOneKindWhereTheOtherIsNotWorthIt) {
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 2, .swaps = true, .trims_cache = true}),
              (ListPages{0, 0, 1024, 1024}));
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 2, .swaps = true, .no_file = true}),
              (ListPages{1024, 1024, 0, 0}));
}

TEST(PagesToScan, AreAllAtTheLastPriority) {
    EXPECT_EQ(pages_to_scan({.sizes = equal, .priority = 0, .swaps = true, .trims_cache = true}), equal);
}

TEST(Targets, LetTheLargerKindGoOnToTheSameShare) {
    const ListPages targets{100, 0, 400, 100};
    ListPages left{50, 0, 350, 50}; // half of the anonymous pages are done, a fifth of the file pages
    ASSERT_TRUE(adjust_targets(left, targets));
    EXPECT_EQ(left[0], 0U);
    EXPECT_EQ(left[2], 400U * 51 / 100 - 50);
    EXPECT_EQ(left[3], 100U * 51 / 100 - 50);
    ListPages done{0, 0, 10, 0};
    EXPECT_FALSE(adjust_targets(done, targets));
}

} // namespace
} // namespace pagewalk::os
