#include "contract/page_table.h"
#include "models/mmu/walk_cache.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr user{0x7f0000000000};
constexpr VirtAddr kernel{0xffff888000000000};
constexpr Pfn root{100};

/// As a walk of four levels would: entries of level 4, 3 and 2 pointed to tables 40, 30 and 20.
void insert_walk(WalkCache& cache, VirtAddr address, std::uint16_t pcid) {
    cache.insert(address, pcid, 4, Pfn(40));
    cache.insert(address, pcid, 3, Pfn(30));
    cache.insert(address, pcid, 2, Pfn(20));
}

TEST(WalkCache, BeginsAtTheRootWhenItKnowsNothing) {
    WalkCache cache({});
    const WalkCache::Start start = cache.find(user, 1, root, 4);
    EXPECT_EQ(start.table, root);
    EXPECT_EQ(start.level, 4U);
    EXPECT_EQ(cache.find(user, 1, root, 5).level, 5U);
    EXPECT_EQ(cache.stats().root, 2U);
}

TEST(WalkCache, BeginsBelowTheLowestKnownEntry) {
    WalkCache cache({});
    insert_walk(cache, user, 1);
    struct Case {
        VirtAddr address;
        unsigned level;
        Pfn table;
    };
    // One page further, one 2 MiB region further, one 1 GiB region further, one 512 GiB region further.
    for (const Case& c : {Case{user + level_span(1), 1, Pfn(20)}, Case{user + level_span(2), 2, Pfn(30)},
                          Case{user + level_span(3), 3, Pfn(40)}, Case{user + level_span(4), 4, root}}) {
        const WalkCache::Start start = cache.find(c.address, 1, root, 4);
        EXPECT_EQ(start.level, c.level);
        EXPECT_EQ(start.table, c.table) << c.level;
    }
    EXPECT_EQ(cache.stats().hits, (std::array<std::uint64_t, 4>{1, 1, 1, 0}));
    EXPECT_EQ(cache.stats().root, 1U);
}

TEST(WalkCache, HoldsTheFifthLevelsEntries) {
    WalkCache cache({});
    cache.insert(user, 1, 5, Pfn(50));
    const WalkCache::Start start = cache.find(user, 1, root, 5);
    EXPECT_EQ(start.level, 4U);
    EXPECT_EQ(start.table, Pfn(50));
    EXPECT_EQ(cache.stats().hits[3], 1U);
}

TEST(WalkCache, EvictsTheLeastRecentlyUsedOfItsSet) {
    WalkCacheConfig config;
    config.entries = {4, 0, 0, 0};
    config.ways = {2, 1, 1, 1}; // 2 sets: regions two apart meet
    WalkCache cache(config);
    const VirtAddr a = user, b = user + 2 * level_span(2), c = user + 4 * level_span(2);
    cache.insert(a, 1, 2, Pfn(1));
    cache.insert(b, 1, 2, Pfn(2));
    EXPECT_EQ(cache.find(a, 1, root, 4).level, 1U);
    cache.insert(c, 1, 2, Pfn(3));
    EXPECT_EQ(cache.find(a, 1, root, 4).table, Pfn(1));
    EXPECT_EQ(cache.find(b, 1, root, 4).level, 4U);
    EXPECT_EQ(cache.find(c, 1, root, 4).table, Pfn(3));
}

TEST(WalkCache, AbsentLevelIsSkipped) {
    WalkCacheConfig config;
    config.entries = {0, 16, 16, 4};
    WalkCache cache(config);
    insert_walk(cache, user, 1);
    EXPECT_EQ(cache.find(user, 1, root, 4).level, 2U);
}

TEST(WalkCache, AddressSpacesAreSeparateButForTheKernel) {
    WalkCache cache({});
    insert_walk(cache, user, 1);
    EXPECT_EQ(cache.find(user, 2, root, 4).table, root);
    insert_walk(cache, kernel, 1);
    EXPECT_EQ(cache.find(kernel, 2, root, 4).level, 1U);
}

TEST(WalkCache, RangeInvalidationDropsEveryLevelThatOverlaps) {
    WalkCache cache({});
    insert_walk(cache, user, 1);
    insert_walk(cache, user + level_span(2), 1);
    cache.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}});
    EXPECT_EQ(cache.find(user, 1, root, 4).table, root);
    EXPECT_EQ(cache.find(user + level_span(2), 1, root, 4).level, 1U);
}

TEST(WalkCache, RangeInvalidationEndsBeforeItsEnd) {
    WalkCache cache({});
    cache.insert(user + level_span(2), 1, 2, Pfn(20));
    cache.invalidate({TlbInvalidation::Scope::Range, 1, user, user + level_span(2), {}});
    EXPECT_EQ(cache.find(user + level_span(2), 1, root, 4).level, 1U);
    cache.invalidate({TlbInvalidation::Scope::Range, 1, user, user + level_span(2) + page_size, {}});
    EXPECT_EQ(cache.find(user + level_span(2), 1, root, 4).level, 4U);
}

TEST(WalkCache, AddressSpaceInvalidationKeepsOthersAndTheKernel) {
    WalkCache cache({});
    insert_walk(cache, user, 1);
    insert_walk(cache, user, 2);
    insert_walk(cache, kernel, 1);
    cache.invalidate({TlbInvalidation::Scope::AddressSpace, 1, {}, {}, {}});
    EXPECT_EQ(cache.find(user, 1, root, 4).level, 4U);
    EXPECT_EQ(cache.find(user, 2, root, 4).level, 1U);
    EXPECT_EQ(cache.find(kernel, 1, root, 4).level, 1U);
}

TEST(WalkCache, FullInvalidationDropsTheKernelToo) {
    WalkCache cache({});
    insert_walk(cache, kernel, 1);
    cache.invalidate({TlbInvalidation::Scope::All, 0, {}, {}, {}});
    EXPECT_EQ(cache.find(kernel, 1, root, 4).level, 4U);
}

TEST(WalkCache, KernelRangeInvalidationDropsTheKernelAlone) {
    WalkCache cache({});
    insert_walk(cache, user, 1);
    insert_walk(cache, kernel, 1);
    cache.invalidate({TlbInvalidation::Scope::Range, 1, kernel, kernel + page_size, {}});
    EXPECT_EQ(cache.find(kernel, 1, root, 4).level, 4U);
    EXPECT_EQ(cache.find(user, 1, root, 4).level, 1U);
}

} // namespace
} // namespace pagewalk::models
