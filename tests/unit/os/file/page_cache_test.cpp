#include "base/rng.h"
#include "os/file/page_cache.h"

#include <map>

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

} // namespace
} // namespace pagewalk::os
