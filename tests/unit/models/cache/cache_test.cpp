#include "models/cache/cache.h"

#include <algorithm>
#include <list>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

CacheConfig geometry(std::uint32_t sets, std::uint32_t ways, Replacement replacement = Replacement::Lru) {
    CacheConfig config;
    config.sets = sets;
    config.ways = ways;
    config.replacement = replacement;
    return config;
}

/// Looks up and fills on a miss. Returns whether it hit.
bool touch(Cache& cache, LineNumber line) {
    if (cache.access(line) != nullptr) return true;
    CacheLine victim;
    cache.allocate(line, victim).fill(line, 0, HitLevel::Memory);
    return false;
}

/// The line that a fill of `line` throws out.
LineNumber victim_of(Cache& cache, LineNumber line) {
    CacheLine victim;
    cache.allocate(line, victim).fill(line, 0, HitLevel::Memory);
    return victim.number();
}

TEST(CacheLine, StateAndNumberDoNotDisturbEachOther) {
    CacheLine line;
    EXPECT_FALSE(line.valid());
    line.fill(0x3fff'ffff'fff0ULL, 77, HitLevel::RemoteMemory);
    line.set_dirty();
    line.set_prefetched();
    EXPECT_TRUE(line.holds(0x3fff'ffff'fff0ULL));
    EXPECT_TRUE(line.dirty());
    EXPECT_FALSE(line.exclusive());
    EXPECT_EQ(line.source(), HitLevel::RemoteMemory);
    EXPECT_EQ(line.ready(), 77U);
    line.set_exclusive();
    line.set_shared();
    EXPECT_FALSE(line.dirty());
    EXPECT_FALSE(line.exclusive());
    EXPECT_TRUE(line.prefetched());
    line.drop();
    EXPECT_FALSE(line.valid());
}

TEST(Cache, HoldsAsManyLinesOfASetAsItHasWays) {
    for (std::uint32_t ways = 1; ways <= 32; ++ways) {
        Cache cache(geometry(4, ways), 1, "test");
        for (LineNumber i = 0; i < ways; ++i) EXPECT_FALSE(touch(cache, i * 4));
        for (LineNumber i = 0; i < ways; ++i) EXPECT_TRUE(touch(cache, i * 4)) << ways << " ways, line " << i;
        EXPECT_EQ(cache.access(ways * 4), nullptr);
        EXPECT_EQ(cache.access(1), nullptr);
    }
}

TEST(Cache, LinesWithTheSameFingerprintAreTold) {
    Cache cache(geometry(1, 4), 1, "test");
    touch(cache, 0x0001);
    EXPECT_EQ(cache.access(0x0100), nullptr);
    touch(cache, 0x0100);
    EXPECT_EQ(cache.access(0x0001)->number(), 0x0001U);
    EXPECT_EQ(cache.access(0x0100)->number(), 0x0100U);
}

TEST(Cache, LruThrowsOutTheLeastRecentLineForAnyNumberOfWays) {
    for (const std::uint32_t ways : {1U, 2U, 3U, 12U, 16U, 17U, 20U, 32U}) {
        Cache cache(geometry(2, ways), 1, "test");
        std::list<LineNumber> recent; // most recent first
        Rng rng(5, "accesses");
        for (int i = 0; i < 5000; ++i) {
            const LineNumber line = rng.below(ways * 2) * 2;
            const auto found = std::ranges::find(recent, line);
            CacheLine* const hit = cache.access(line);
            ASSERT_EQ(hit != nullptr, found != recent.end());
            if (found != recent.end()) {
                recent.erase(found);
            } else if (recent.size() == ways) {
                ASSERT_EQ(victim_of(cache, line), recent.back());
                recent.pop_back();
            } else {
                touch(cache, line);
            }
            recent.push_front(line);
            if (rng.below(16) == 0) { // a snoop
                const LineNumber dropped =
                    *std::next(recent.begin(), static_cast<long>(rng.below(recent.size())));
                cache.drop(*cache.probe(dropped));
                recent.remove(dropped);
            }
        }
    }
}

TEST(Cache, ProbeLeavesRecencyAlone) {
    Cache cache(geometry(1, 2), 1, "test");
    touch(cache, 1);
    touch(cache, 2);
    ASSERT_NE(cache.probe(1), nullptr);
    EXPECT_EQ(victim_of(cache, 3), 1U);
}

TEST(Cache, TouchIsLikeAnAccess) {
    for (const std::uint32_t ways : {4U, 20U}) {
        Cache accessed(geometry(1, ways), 1, "test", Cache::RecentFirst::Yes);
        Cache touched(geometry(1, ways), 1, "test", Cache::RecentFirst::Yes);
        for (LineNumber line = 0; line < ways; ++line) {
            EXPECT_FALSE(touch(accessed, line));
            EXPECT_FALSE(touch(touched, line));
        }
        for (const LineNumber line : {0, 2, 2, 1}) {
            ASSERT_NE(accessed.access_recent_first(line), nullptr);
            touched.touch(*touched.probe(line));
        }
        for (LineNumber line = 100; line < 100 + ways; ++line)
            EXPECT_EQ(victim_of(touched, line), victim_of(accessed, line));
    }
}

TEST(Cache, DroppedLinesWayIsRefilledFirst) {
    for (const Replacement replacement :
         {Replacement::Lru, Replacement::TreePlru, Replacement::Srrip, Replacement::Random}) {
        Cache cache(geometry(1, 8, replacement), 1, "test");
        for (LineNumber i = 0; i < 8; ++i) touch(cache, i);
        cache.drop(*cache.probe(5));
        touch(cache, 100);
        for (LineNumber i = 0; i < 8; ++i) EXPECT_EQ(cache.probe(i) != nullptr, i != 5);
    }
}

TEST(Cache, AllocatesWithinAFewWays) {
    Cache cache(geometry(1, 8), 1, "test");
    for (LineNumber i = 0; i < 8; ++i) touch(cache, i); // from the last way to the first
    for (LineNumber line = 100; line < 110; ++line) {
        CacheLine victim;
        cache.allocate_within(line, victim, 2).fill(line, 0, HitLevel::Memory);
        EXPECT_EQ(victim.number(), line < 102 ? line - 94 : line - 2); // ways 1 and 0, the older first
    }
    for (LineNumber i = 0; i < 6; ++i) EXPECT_NE(cache.probe(i), nullptr);
}

TEST(Cache, AllocatesWithinAFewWaysIntoAnEmptyOneFirst) {
    for (const Replacement replacement :
         {Replacement::Lru, Replacement::TreePlru, Replacement::Srrip, Replacement::Random}) {
        Cache cache(geometry(1, 8, replacement), 1, "test");
        for (LineNumber line = 0; line < 3; ++line) {
            CacheLine victim;
            cache.allocate_within(line, victim, 2).fill(line, 0, HitLevel::Memory);
            EXPECT_EQ(victim.valid(), line == 2);
        }
        EXPECT_NE(cache.probe(2), nullptr);
    }
}

TEST(Cache, TreePlruFollowsItsTree) {
    Cache cache(geometry(1, 4, Replacement::TreePlru), 1, "test");
    for (LineNumber i = 0; i < 4; ++i) touch(cache, i);
    // After 0 1 2 3 the root points left, its left child at way 0.
    touch(cache, 0);
    // Root points right; the right child was last turned by way 3, so to way 2.
    EXPECT_EQ(victim_of(cache, 10), 2U);
    // Way 2 is fresh: root points left, whose child points at way 1.
    EXPECT_EQ(victim_of(cache, 11), 1U);
}

TEST(Cache, TreePlruNeverChoosesAWayThatIsNotThere) {
    for (const std::uint32_t ways : {3U, 5U, 12U, 20U, 31U}) {
        Cache cache(geometry(1, ways, Replacement::TreePlru), 1, "test");
        std::set<LineNumber> held;
        for (LineNumber line = 0; line < 500; ++line) {
            CacheLine victim;
            cache.allocate(line, victim).fill(line, 0, HitLevel::Memory);
            if (victim.valid()) {
                ASSERT_EQ(held.erase(victim.number()), 1U);
            }
            held.insert(line);
            ASSERT_LE(held.size(), ways);
        }
    }
}

TEST(Cache, SrripKeepsReusedLinesThroughAScan) {
    Cache cache(geometry(1, 4, Replacement::Srrip), 1, "test");
    for (LineNumber i = 0; i < 4; ++i) touch(cache, i);
    touch(cache, 0);
    touch(cache, 1);
    for (LineNumber scan = 100; scan < 104; ++scan) touch(cache, scan);
    EXPECT_NE(cache.probe(0), nullptr);
    EXPECT_NE(cache.probe(1), nullptr);
    EXPECT_EQ(cache.probe(2), nullptr);
}

TEST(Cache, RandomReplacementIsTheSameForTheSameSeed) {
    const auto victims = [](std::uint64_t seed) {
        Cache cache(geometry(1, 8, Replacement::Random), seed, "test");
        std::vector<LineNumber> order;
        for (LineNumber line = 0; line < 200; ++line) order.push_back(victim_of(cache, line));
        return order;
    };
    EXPECT_EQ(victims(1), victims(1));
    EXPECT_NE(victims(1), victims(2));
}

} // namespace
} // namespace pagewalk::models
