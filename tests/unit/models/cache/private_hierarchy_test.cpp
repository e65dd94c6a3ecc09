#include "models/cache/private_hierarchy.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t memory_latency = 50'000; // ticks
constexpr std::uint64_t memory_cycles = 200;     // of 4 GHz

/// A shared memory system of fixed latency that notes what it is asked.
class FixedMemory final : public CoherentMemory {
public:
    LineResponse request(const LineRequest& request) override {
        requests.push_back(request);
        return {request.time + Tick(memory_latency), HitLevel::Memory, exclusive};
    }
    void evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) override {
        evictions.push_back({line, dirty, retained});
    }
    [[nodiscard]] bool wants_clean_victims() const override { return clean_victims; }
    void attach(CpuId, SnoopTarget&) override {}

    struct Eviction {
        LineRequest line;
        SnoopTarget::Dirty dirty;
        Retained retained;
    };
    std::vector<LineRequest> requests;
    std::vector<Eviction> evictions;
    bool exclusive = true;
    bool clean_victims = false;
};

/// ChampSim's default sizes and latencies at 4 GHz: L1D 5, L2 10.
PrivateHierarchyConfig champsim() {
    PrivateHierarchyConfig config;
    config.l2.sets = 1024;
    config.l2.ways = 8;
    config.l2.latency = Cycles(10);
    config.l2.mshrs = 32;
    return config;
}

struct Fixture : testing::Test {
    FixedMemory memory;
    PrivateHierarchy make(const PrivateHierarchyConfig& config) {
        return PrivateHierarchy(config, CpuId{0}, Clock(4'000'000'000), memory, 1);
    }
};
using PrivateHierarchyTest = Fixture;

TEST_F(PrivateHierarchyTest, MissTakesEachLevelsLookUpAndMemory) {
    PrivateHierarchy caches = make(champsim());
    const AccessResult result = caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    EXPECT_EQ(result.ready.value(), 1000 + 5 + 10 + memory_cycles);
    EXPECT_EQ(result.level, HitLevel::Memory);
    ASSERT_EQ(memory.requests.size(), 1U);
    EXPECT_EQ(memory.requests[0].time, Tick(1015 * 250));
}

TEST_F(PrivateHierarchyTest, EachLevelThatALineFillsTakesItsFillLatency) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.fill_latency = Cycles(3);
    config.l2.fill_latency = Cycles(7);
    PrivateHierarchy caches = make(config);
    const std::uint64_t filled = 1000 + 5 + 10 + memory_cycles + 7 + 3;
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1)).ready.value(), filled);
    EXPECT_EQ(caches.load(PhysAddr(0x1008), Cycles(1001), VirtAddr(1)).ready.value(), filled);
    // A hit in L2 fills L1 alone, a hit in L1 nothing.
    EXPECT_EQ(caches.fetch(PhysAddr(0x1000), Cycles(2000)).ready.value(), 2000U + 4 + 10);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(2000), VirtAddr(1)).ready.value(), 2000U + 5);
}

TEST_F(PrivateHierarchyTest, StoreOfAWholeLineAsksForOwnershipOnlyAndIsWrittenBack) {
    PrivateHierarchy caches = make(champsim());
    caches.store_line(PhysAddr(0x1000), Cycles(1000));
    ASSERT_EQ(memory.requests.size(), 1U);
    EXPECT_EQ(memory.requests[0].kind, AccessKind::StoreLine);
    EXPECT_EQ(caches.invalidate(PhysAddr(0x1000)), SnoopTarget::Dirty::Yes);
}

TEST_F(PrivateHierarchyTest, LoadAfterTheFillHitsL1) {
    PrivateHierarchy caches = make(champsim());
    const std::uint64_t filled = caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1)).ready.value();
    const AccessResult result = caches.load(PhysAddr(0x1038), Cycles(filled), VirtAddr(1));
    EXPECT_EQ(result.ready.value(), filled + 5);
    EXPECT_EQ(result.level, HitLevel::L1);
}

TEST_F(PrivateHierarchyTest, LoadOfALineOnItsWayWaitsForIt) {
    PrivateHierarchy caches = make(champsim());
    const std::uint64_t filled = caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1)).ready.value();
    const AccessResult result = caches.load(PhysAddr(0x1008), Cycles(1001), VirtAddr(1));
    EXPECT_EQ(result.ready.value(), filled);
    EXPECT_EQ(result.level, HitLevel::Memory);
    EXPECT_EQ(caches.l1d_stats().merges, 1U);
    EXPECT_EQ(caches.l1d_stats().misses, 1U);
}

TEST_F(PrivateHierarchyTest, LineIsInFlightUntilItsLastCycle) {
    PrivateHierarchy caches = make(champsim());
    const std::uint64_t filled = caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1)).ready.value();
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(filled - 6), VirtAddr(1)).level, HitLevel::Memory);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(filled - 5), VirtAddr(1)).level, HitLevel::L1);
}

TEST_F(PrivateHierarchyTest, LineThatLeftL1IsFoundInL2) {
    PrivateHierarchy caches = make(champsim());
    for (std::uint64_t way = 0; way < 13; ++way)
        caches.load(PhysAddr(way << 12), Cycles(1000 * way), VirtAddr(1));
    const AccessResult result = caches.load(PhysAddr(0), Cycles(100'000), VirtAddr(1));
    EXPECT_EQ(result.ready.value(), 100'015U);
    EXPECT_EQ(result.level, HitLevel::L2);
    EXPECT_EQ(memory.requests.size(), 13U);
}

TEST_F(PrivateHierarchyTest, MissWaitsForAFreeMshr) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.mshrs = 2;
    PrivateHierarchy caches = make(config);
    const std::uint64_t first = caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1)).ready.value();
    caches.load(PhysAddr(0x2000), Cycles(1001), VirtAddr(1));
    // The third gets its register when the first line arrives.
    EXPECT_EQ(caches.load(PhysAddr(0x3000), Cycles(1002), VirtAddr(1)).ready.value(),
              first + 10 + memory_cycles);
    EXPECT_EQ(caches.l1d_stats().mshr_waits, 1U);
}

TEST_F(PrivateHierarchyTest, ModifiedLineGoesDownLevelByLevel) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.sets = 1;
    config.l1d.ways = 1;
    config.l2.sets = 1;
    config.l2.ways = 2;
    PrivateHierarchy caches = make(config);
    caches.store(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    caches.load(PhysAddr(0x2000), Cycles(2000), VirtAddr(1));
    EXPECT_EQ(caches.l1d_stats().write_backs_out, 1U);
    EXPECT_TRUE(memory.evictions.empty());
    caches.load(PhysAddr(0x3000), Cycles(3000), VirtAddr(1));
    caches.load(PhysAddr(0x4000), Cycles(4000), VirtAddr(1));
    ASSERT_EQ(memory.evictions.size(), 1U);
    EXPECT_EQ(memory.evictions[0].line.line, PhysAddr(0x1000));
    EXPECT_EQ(memory.evictions[0].dirty, SnoopTarget::Dirty::Yes);
}

TEST_F(PrivateHierarchyTest, CleanVictimsAreSentOnlyWhereWanted) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.sets = config.l1i.sets = config.l2.sets = 1;
    config.l1d.ways = config.l2.ways = 1;
    {
        PrivateHierarchy caches = make(config);
        caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
        caches.load(PhysAddr(0x2000), Cycles(2000), VirtAddr(1));
        EXPECT_TRUE(memory.evictions.empty());
    }
    memory.clean_victims = true;
    PrivateHierarchy caches = make(config);
    caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    caches.load(PhysAddr(0x2000), Cycles(2000), VirtAddr(1));
    // L2 drops it while L1 has it, then L1 drops it.
    ASSERT_EQ(memory.evictions.size(), 2U);
    EXPECT_EQ(memory.evictions[0].retained, Retained::Yes);
    EXPECT_EQ(memory.evictions[1].retained, Retained::No);
    EXPECT_EQ(memory.evictions[1].line.line, PhysAddr(0x1000));
    EXPECT_EQ(memory.evictions[1].dirty, SnoopTarget::Dirty::No);
}

TEST_F(PrivateHierarchyTest, InclusiveL2TakesTheModifiedL1LineWithIt) {
    PrivateHierarchyConfig config = champsim();
    config.l2.sets = 1;
    config.l2.ways = 1;
    config.l1_inclusion = L1Inclusion::Inclusive;
    PrivateHierarchy caches = make(config);
    caches.store(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    caches.load(PhysAddr(0x2040), Cycles(2000), VirtAddr(1));
    ASSERT_EQ(memory.evictions.size(), 1U);
    EXPECT_EQ(memory.evictions[0].dirty, SnoopTarget::Dirty::Yes);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(3000), VirtAddr(1)).level, HitLevel::Memory);
}

TEST_F(PrivateHierarchyTest, StoreToASharedLineAsksForIt) {
    memory.exclusive = false;
    PrivateHierarchy caches = make(champsim());
    caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    const AccessResult result = caches.store(PhysAddr(0x1000), Cycles(2000), VirtAddr(1));
    EXPECT_EQ(result.ready.value(), 2000 + 5 + 10 + memory_cycles);
    ASSERT_EQ(memory.requests.size(), 2U);
    EXPECT_EQ(memory.requests[1].kind, AccessKind::Store);
    EXPECT_EQ(caches.store(PhysAddr(0x1000), Cycles(3000), VirtAddr(1)).ready.value(), 3005U);
    EXPECT_EQ(memory.requests.size(), 2U);
}

TEST_F(PrivateHierarchyTest, SnoopsDropOrShareTheLineAndTellWhetherItWasModified) {
    PrivateHierarchy caches = make(champsim());
    caches.store(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    EXPECT_EQ(caches.downgrade(PhysAddr(0x1000)), SnoopTarget::Dirty::Yes);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(2000), VirtAddr(1)).level, HitLevel::L1);
    caches.store(PhysAddr(0x1000), Cycles(3000), VirtAddr(1));
    EXPECT_EQ(memory.requests.size(), 2U);
    EXPECT_EQ(caches.invalidate(PhysAddr(0x1000)), SnoopTarget::Dirty::Yes);
    EXPECT_EQ(caches.invalidate(PhysAddr(0x1000)), SnoopTarget::Dirty::No);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(4000), VirtAddr(1)).level, HitLevel::Memory);
}

TEST_F(PrivateHierarchyTest, WalksGoThroughL1OrPastIt) {
    PrivateHierarchy through_l1 = make(champsim());
    through_l1.walk(PhysAddr(0x1000), Cycles(1000));
    EXPECT_EQ(through_l1.load(PhysAddr(0x1000), Cycles(2000), VirtAddr(1)).level, HitLevel::L1);
    EXPECT_EQ(through_l1.l1d_stats().walk_misses, 1U);

    PrivateHierarchyConfig config = champsim();
    config.walks_through = WalksThrough::L2;
    PrivateHierarchy past_l1 = make(config);
    EXPECT_EQ(past_l1.walk(PhysAddr(0x1000), Cycles(1000)).ready.value(), 1000 + 10 + memory_cycles);
    EXPECT_EQ(past_l1.load(PhysAddr(0x1000), Cycles(2000), VirtAddr(1)).level, HitLevel::L2);
    EXPECT_EQ(past_l1.l2_stats().walk_accesses, 1U);
}

TEST_F(PrivateHierarchyTest, WalksThroughTheLlcLeaveNoPrivateCopy) {
    PrivateHierarchyConfig config = champsim();
    config.walks_through = WalksThrough::Llc;
    PrivateHierarchy caches = make(config);
    EXPECT_EQ(caches.walk(PhysAddr(0x1000), Cycles(1000)).ready.value(), 1000 + memory_cycles);
    // The directory is told that the core does not keep the line.
    ASSERT_EQ(memory.evictions.size(), 1U);
    EXPECT_EQ(memory.evictions[0].line.line, PhysAddr(0x1000));
    EXPECT_EQ(memory.evictions[0].dirty, SnoopTarget::Dirty::No);
    EXPECT_EQ(memory.evictions[0].retained, Retained::No);
    EXPECT_EQ(caches.walk(PhysAddr(0x1000), Cycles(2000)).ready.value(), 2000 + memory_cycles);
    EXPECT_EQ(caches.l2_stats().accesses, 0U);
    // An entry that the core has written comes from where it is.
    caches.store(PhysAddr(0x2000), Cycles(3000), VirtAddr(1));
    EXPECT_EQ(caches.walk(PhysAddr(0x2000), Cycles(4000)).level, HitLevel::L2);
}

TEST_F(PrivateHierarchyTest, LinesOfTranslationsAreFoundInL2AndLeaveItSilently) {
    memory.clean_victims = true;
    PrivateHierarchy caches = make(champsim());
    EXPECT_TRUE(caches.keep_translations(5, Cycles(1000)));
    EXPECT_FALSE(caches.keep_translations(5, Cycles(1000)));
    const PrivateHierarchy::Translations found = caches.find_translations(5, Cycles(2000));
    EXPECT_TRUE(found.found);
    EXPECT_EQ(found.known.value(), 2010U);
    EXPECT_FALSE(caches.find_translations(6, Cycles(2000)).found);
    // Not the line of memory that has the number.
    EXPECT_EQ(caches.load(PhysAddr(5 * line_size), Cycles(3000), VirtAddr(1)).level, HitLevel::Memory);
    // Lines of its set push it out; nobody is told of it.
    for (std::uint64_t i = 1; i <= 9; ++i)
        caches.fetch(PhysAddr((5 + i * 1024) * line_size), Cycles(10'000 + i * 1000));
    EXPECT_FALSE(caches.has_translations(5));
    for (const FixedMemory::Eviction& eviction : memory.evictions)
        EXPECT_LT(eviction.line.line.value(), 1ULL << 40);
    EXPECT_FALSE(caches.drop_translations(5));
    caches.keep_translations(5, Cycles(1000));
    EXPECT_TRUE(caches.drop_translations(5));
    EXPECT_FALSE(caches.has_translations(5));
}

TEST_F(PrivateHierarchyTest, FetchesUseTheirOwnL1) {
    PrivateHierarchy caches = make(champsim());
    caches.fetch(PhysAddr(0x1000), Cycles(1000));
    EXPECT_EQ(caches.fetch(PhysAddr(0x1000), Cycles(2000)).ready.value(), 2004U);
    EXPECT_EQ(caches.load(PhysAddr(0x1000), Cycles(3000), VirtAddr(1)).level, HitLevel::L2);
}

TEST_F(PrivateHierarchyTest, LineFoundForFetchIsFetchedUnlessItHasGone) {
    PrivateHierarchy caches = make(champsim());
    EXPECT_EQ(caches.find_fetched(PhysAddr(0x1000), Cycles(1000)), nullptr);
    const Cycles arrives = caches.fetch(PhysAddr(0x1000), Cycles(1000)).ready;
    EXPECT_EQ(caches.find_fetched(PhysAddr(0x1000), Cycles(1001)), nullptr); // still on its way
    const CacheLine* const line = caches.find_fetched(PhysAddr(0x1000), arrives);
    ASSERT_NE(line, nullptr);
    EXPECT_EQ(caches.l1i_stats().accesses, 1U);
    EXPECT_TRUE(caches.fetch_found(*line, PhysAddr(0x1000)));
    EXPECT_EQ(caches.l1i_stats().accesses, 2U);
    caches.invalidate(PhysAddr(0x1000));
    EXPECT_FALSE(caches.fetch_found(*line, PhysAddr(0x1000)));
    EXPECT_EQ(caches.l1i_stats().accesses, 2U);
}

TEST_F(PrivateHierarchyTest, PrefetchedLineIsThereInTimeOrCountedLate) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.prefetcher = PrefetcherKind::NextLine;
    PrivateHierarchy caches = make(config);
    caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    EXPECT_EQ(caches.l1d_stats().prefetches, 1U);
    EXPECT_EQ(caches.load(PhysAddr(0x1040), Cycles(2000), VirtAddr(1)).ready.value(), 2005U);
    EXPECT_EQ(caches.l1d_stats().prefetches_useful, 1U);
    EXPECT_EQ(caches.l1d_stats().prefetches_late, 0U);
    // 0x1080 was asked for at 2005.
    EXPECT_EQ(caches.load(PhysAddr(0x1080), Cycles(2010), VirtAddr(1)).ready.value(),
              2005 + 10 + memory_cycles);
    EXPECT_EQ(caches.l1d_stats().prefetches_late, 1U);
}

TEST_F(PrivateHierarchyTest, InstructionPrefetchAsksForCode) {
    PrivateHierarchyConfig config = champsim();
    config.l1i.prefetcher = PrefetcherKind::NextLine;
    PrivateHierarchy caches = make(config);
    caches.fetch(PhysAddr(0x1000), Cycles(1000));
    ASSERT_EQ(memory.requests.size(), 2U);
    EXPECT_EQ(memory.requests[0].kind, AccessKind::Fetch);
    EXPECT_EQ(memory.requests[1].kind, AccessKind::PrefetchCode);
}

TEST_F(PrivateHierarchyTest, PrefetchWithoutAFreeMshrIsDropped) {
    PrivateHierarchyConfig config = champsim();
    config.l1d.prefetcher = PrefetcherKind::NextLine;
    config.l1d.mshrs = 1;
    PrivateHierarchy caches = make(config);
    caches.load(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    EXPECT_EQ(caches.l1d_stats().prefetches, 0U);
}

TEST_F(PrivateHierarchyTest, L2PrefetcherFillsL2Alone) {
    PrivateHierarchyConfig config = champsim();
    config.l2.prefetcher = PrefetcherKind::Stride;
    PrivateHierarchy caches = make(config);
    for (std::uint64_t i = 0; i < 4; ++i)
        caches.load(PhysAddr(0x1000 + i * 128), Cycles(1000 * (i + 1)), VirtAddr(1));
    EXPECT_EQ(caches.l2_stats().prefetches, 1U);
    EXPECT_EQ(caches.load(PhysAddr(0x1200), Cycles(9000), VirtAddr(1)).level, HitLevel::L2);
    EXPECT_EQ(caches.l2_stats().prefetches_useful, 1U);
}

} // namespace
} // namespace pagewalk::models
