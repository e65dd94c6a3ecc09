#include "base/rng.h"
#include "os/file/page_cache.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PageCache, FindsNothingInAnEmptyFile) {
    const PageCache cache;
    EXPECT_EQ(cache.find(0), no_pfn);
    EXPECT_EQ(cache.find(~0ULL), no_pfn);
    EXPECT_EQ(cache.next(0), PageCache::none);
}

TEST(PageCache, GrowsToFarAwayPagesAndShrinksToNothing) {
    PageCache cache;
    cache.insert(3, Pfn(30));
    cache.insert(1ULL << 40, Pfn(40));
    EXPECT_EQ(cache.find(3), Pfn(30));
    EXPECT_EQ(cache.find(1ULL << 40), Pfn(40));
    EXPECT_EQ(cache.find(4), no_pfn);
    EXPECT_EQ(cache.next(4), 1ULL << 40);
    cache.erase(3);
    cache.erase(1ULL << 40);
    EXPECT_EQ(cache.count(), 0U);
    EXPECT_EQ(cache.next(0), PageCache::none);
    cache.insert(5, Pfn(50));
    EXPECT_EQ(cache.find(5), Pfn(50));
}

/// Hands out addresses and keeps track of them.
struct CountedNodes final : PageCacheNodes {
    std::set<VirtAddr> live;
    std::uint64_t made = 0;
    VirtAddr allocate() override { return *live.insert(VirtAddr(++made << 10)).first; }
    void free(VirtAddr node) override { EXPECT_EQ(live.erase(node), 1U); }
};

TEST(PageCache, TakesANodeForEvery64PagesAndOneAbove) {
    PageCache cache;
    CountedNodes nodes;
    cache.insert(0, Pfn(1), &nodes);
    EXPECT_EQ(nodes.live.size(), 0U); // hangs at the inode
    cache.insert(1, Pfn(2), &nodes);
    EXPECT_EQ(nodes.live.size(), 1U);
    for (std::uint64_t i = 2; i < 64; ++i) cache.insert(i, Pfn(i + 1), &nodes);
    EXPECT_EQ(nodes.live.size(), 1U);
    cache.insert(64, Pfn(65), &nodes);
    EXPECT_EQ(nodes.live.size(), 3U);
    EXPECT_EQ(nodes.made, 3U);
    EXPECT_EQ(cache.place_of(1) - cache.place_of(0), 8U);
    EXPECT_NE(cache.place_of(64), VirtAddr{});
    for (std::uint64_t i = 0; i < 65; ++i) cache.erase(i, &nodes);
    EXPECT_TRUE(nodes.live.empty());
}

TEST(PageCache, TakesNoNodeThatItDoesNotKeep) {
    PageCache cache;
    CountedNodes nodes;
    cache.insert(100'000, Pfn(1), &nodes);
    EXPECT_EQ(nodes.live.size(), 3U); // 64^3 pages below three levels
    EXPECT_EQ(nodes.made, 3U);
}

TEST(PageCache, ReturnsItsNodesAfterRandomChanges) {
    PageCache cache;
    CountedNodes nodes;
    std::set<std::uint64_t> cached;
    Rng rng(2, "page_cache");
    for (int i = 0; i < 5'000; ++i) {
        const std::uint64_t index = rng.below(1ULL << rng.below(20));
        if (cached.insert(index).second) {
            cache.insert(index, Pfn(index + 1), &nodes);
        } else {
            cached.erase(index);
            cache.erase(index, &nodes);
        }
    }
    EXPECT_GT(nodes.live.size(), 10U);
    for (const std::uint64_t index : cached) cache.erase(index, &nodes);
    EXPECT_TRUE(nodes.live.empty());
}

TEST(PageCache, AgreesWithAMapUnderRandomChanges) {
    PageCache cache;
    std::map<std::uint64_t, Pfn> expected;
    Rng rng(1, "page_cache");
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t index = rng.below(1ULL << rng.below(24));
        const auto found = expected.find(index);
        if (found == expected.end()) {
            const Pfn frame(rng.below(1'000'000));
            cache.insert(index, frame);
            expected[index] = frame;
        } else {
            ASSERT_EQ(cache.find(index), found->second);
            cache.erase(index);
            expected.erase(found);
        }
        const std::uint64_t from = rng.below(1ULL << 24);
        const auto next = expected.lower_bound(from);
        ASSERT_EQ(cache.next(from), next == expected.end() ? PageCache::none : next->first);
        ASSERT_EQ(cache.count(), expected.size());
    }
}

TEST(PageCacheTags, AreFoundInOrder) {
    PageCache cache;
    for (const std::uint64_t index : {0, 5, 70, 4000, 300000}) cache.insert(index, Pfn(index + 1));
    cache.set_tag(5, PageTag::Dirty);
    cache.set_tag(4000, PageTag::Dirty);
    cache.set_tag(70, PageTag::Writeback);
    EXPECT_EQ(cache.next(0, PageTag::Dirty), 5U);
    EXPECT_EQ(cache.next(6, PageTag::Dirty), 4000U);
    EXPECT_EQ(cache.next(4001, PageTag::Dirty), PageCache::none);
    EXPECT_EQ(cache.next(0, PageTag::Writeback), 70U);
    cache.clear_tag(5, PageTag::Dirty);
    EXPECT_FALSE(cache.has_tag(5, PageTag::Dirty));
    EXPECT_TRUE(cache.has_tag(4000, PageTag::Dirty));
    EXPECT_EQ(cache.next(0, PageTag::Dirty), 4000U);
}

TEST(PageCacheTags, StayWhenTheTreeGrowsAndGoWithTheirPage) {
    PageCache cache;
    cache.insert(3, Pfn(1));
    cache.set_tag(3, PageTag::Dirty);
    cache.insert(1ULL << 30, Pfn(2));
    EXPECT_EQ(cache.next(0, PageTag::Dirty), 3U);
    cache.replace(3, Pfn(9));
    EXPECT_EQ(cache.find(3), Pfn(9));
    EXPECT_TRUE(cache.has_tag(3, PageTag::Dirty));
    cache.erase(3);
    cache.insert(3, Pfn(1));
    EXPECT_FALSE(cache.has_tag(3, PageTag::Dirty));
}

TEST(PageCacheTags, AreThoseOfASetOfPages) {
    Rng rng(3, "tags");
    PageCache cache;
    std::set<std::uint64_t> cached, dirty;
    for (int round = 0; round < 20000; ++round) {
        const std::uint64_t index = rng.next() % 500 * 37;
        if (cached.insert(index).second) {
            cache.insert(index, Pfn(index + 1));
        } else if (rng.next() % 4 == 0) {
            cache.erase(index);
            cached.erase(index);
            dirty.erase(index);
        } else if (rng.next() % 2 == 0) {
            cache.set_tag(index, PageTag::Dirty);
            dirty.insert(index);
        } else {
            cache.clear_tag(index, PageTag::Dirty);
            dirty.erase(index);
        }
        const std::uint64_t from = rng.next() % 20000;
        const auto next = dirty.lower_bound(from);
        ASSERT_EQ(cache.next(from, PageTag::Dirty), next == dirty.end() ? PageCache::none : *next);
    }
}

} // namespace
} // namespace pagewalk::os
