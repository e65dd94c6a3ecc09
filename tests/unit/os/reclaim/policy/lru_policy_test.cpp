#include "os/reclaim/policy/lru_policy.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Fate = ReclaimPolicy::Fate;
constexpr Pfn frame{7};

TEST(LruPolicy, KeepsAPageThatWasUsedOnceAndActivatesTheOneUsedAgain) {
    LruPolicy lru;
    const auto once = lru.judge(frame, {.entries = 1});
    EXPECT_EQ(once.fate, Fate::Keep);
    EXPECT_TRUE(once.referenced);
    EXPECT_EQ(lru.judge(frame, {.entries = 1, .referenced = true}).fate, Fate::Activate);
    EXPECT_EQ(lru.judge(frame, {.entries = 2}).fate, Fate::Activate);
    EXPECT_EQ(lru.judge(frame, {}).fate, Fate::Reclaim);
}

TEST(LruPolicy, ActivatesProgramTextAtOnceAndKeepsItActiveWhileItIsUsed) {
    LruPolicy lru;
    EXPECT_EQ(lru.judge(frame, {.entries = 1, .executable = true, .file = true}).fate, Fate::Activate);
    EXPECT_EQ(lru.judge(frame, {.entries = 1, .executable = true}).fate, Fate::Keep);
    EXPECT_TRUE(lru.stays_active(frame, {.entries = 1, .executable = true, .file = true}));
    EXPECT_FALSE(lru.stays_active(frame, {.executable = true, .file = true}));
    EXPECT_FALSE(lru.stays_active(frame, {.entries = 5, .referenced = true, .file = true}));
}

TEST(LruPolicy, ReclaimsAFilePageThatWasReadButOnlyClean) {
    LruPolicy lru;
    EXPECT_EQ(lru.judge(frame, {.referenced = true, .file = true}).fate, Fate::ReclaimClean);
    EXPECT_EQ(lru.judge(frame, {.referenced = true}).fate, Fate::Reclaim);
}

TEST(LruPolicy, NeedsFewerInactivePagesInLargeMemory) {
    const LruPolicy lru;
    EXPECT_TRUE(lru.inactive_is_low(99, 100));
    EXPECT_FALSE(lru.inactive_is_low(100, 100));
    constexpr std::uint64_t gib = 1ULL << 18;        // pages
    EXPECT_FALSE(lru.inactive_is_low(gib, 3 * gib)); // 4 GiB: 1 : 6
    EXPECT_TRUE(lru.inactive_is_low(gib / 2, 4 * gib));
}

} // namespace
} // namespace pagewalk::os
