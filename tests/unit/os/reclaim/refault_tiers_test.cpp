#include "os/reclaim/refault_tiers.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr LruKind anon = LruKind::Anon, file = LruKind::File;

TEST(RefaultTiers, HaveTwiceAsManyUsesEach) {
    EXPECT_EQ(RefaultTiers::tier_of(0), 0U);
    EXPECT_EQ(RefaultTiers::tier_of(1), 1U);
    EXPECT_EQ(RefaultTiers::tier_of(2), 2U);
    EXPECT_EQ(RefaultTiers::tier_of(3), 2U);
    EXPECT_EQ(RefaultTiers::tier_of(4), 3U);
}

TEST(RefaultTiers, MayAllGoUntilOneRefaultsTwiceAsMuchAsTheFirst) {
    RefaultTiers tiers;
    EXPECT_EQ(tiers.last_tier(file), 3U);
    tiers.note_evicted(file, 0, 1000);
    tiers.note_refaulted(file, 0, 100);
    tiers.note_evicted(file, 2, 1000);
    tiers.note_refaulted(file, 2, 150);
    EXPECT_EQ(tiers.last_tier(file), 3U);
    tiers.note_refaulted(file, 2, 150); // 30 % against 10 %
    EXPECT_EQ(tiers.last_tier(file), 1U);
    EXPECT_EQ(tiers.last_tier(anon), 3U);
}

TEST(RefaultTiers, ProveNothingByFewRefaults) {
    RefaultTiers tiers;
    tiers.note_evicted(file, 0, 100'000);
    tiers.note_refaulted(file, 1, 63);
    EXPECT_EQ(tiers.last_tier(file), 3U);
    tiers.note_refaulted(file, 1, 1);
    EXPECT_EQ(tiers.last_tier(file), 0U);
}

TEST(RefaultTiers, CountWhatWasSparedAsNotComingBack) {
    RefaultTiers tiers;
    tiers.note_evicted(file, 0, 1000);
    tiers.note_refaulted(file, 0, 100);
    tiers.note_evicted(file, 1, 200);
    tiers.note_refaulted(file, 1, 100);
    EXPECT_EQ(tiers.last_tier(file), 0U);
    tiers.note_protected(file, 1, 400);
    EXPECT_EQ(tiers.last_tier(file), 3U);
}

TEST(RefaultTiers, ForgetHalfWithEachGeneration) {
    RefaultTiers tiers;
    tiers.note_evicted(file, 0, 1000);
    tiers.note_refaulted(file, 1, 100);
    tiers.note_evicted(file, 1, 100);
    EXPECT_EQ(tiers.last_tier(file), 0U);
    tiers.end_generation(anon);
    EXPECT_EQ(tiers.last_tier(file), 0U);
    tiers.end_generation(file); // 50 refaults are few
    EXPECT_EQ(tiers.last_tier(file), 3U);
}

TEST(RefaultTiers, ChooseTheKindThatRefaultsLessForItsWeight) {
    RefaultTiers tiers;
    for (const LruKind kind : {anon, file}) {
        tiers.note_evicted(kind, 0, 1000);
        tiers.note_refaulted(kind, 0, 200);
    }
    EXPECT_EQ(tiers.choose(60).kind, file);
    EXPECT_EQ(tiers.choose(140).kind, anon);
    tiers.note_refaulted(file, 0, 700); // 90 % against 20 %
    EXPECT_EQ(tiers.choose(60).kind, anon);
    EXPECT_EQ(tiers.choose(60).last_tier, 3U);
    tiers.note_evicted(anon, 1, 100);
    tiers.note_refaulted(anon, 1, 500);
    EXPECT_EQ(tiers.choose(60).last_tier, 0U);
}

} // namespace
} // namespace pagewalk::os
