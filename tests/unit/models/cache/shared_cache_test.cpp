#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache.h"

#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t memory_latency = 50'000;

class FixedMemory final : public MemoryPort {
public:
    Tick access(const LineRequest& request) override {
        requests.push_back(request);
        return request.time + Tick(memory_latency);
    }
    std::vector<LineRequest> requests;
};

/// 1 GHz, so that a cycle is 1000 ticks: look-up 20, port 1, snoop 30.
LlcConfig simple(LlcPolicy policy = LlcPolicy::NonInclusive) {
    LlcConfig config;
    config.frequency = 1'000'000'000;
    config.cache.sets = 64;
    config.cache.ways = 4;
    config.cache.latency = Cycles(20);
    config.cache.mshrs = 4;
    config.policy = policy;
    return config;
}

/// A private hierarchy that holds what it is told to.
class FakeHierarchy final : public SnoopTarget {
public:
    Dirty invalidate(PhysAddr line) override {
        ++invalidations;
        return take(line);
    }
    Dirty downgrade(PhysAddr line) override {
        ++downgrades;
        return take(line);
    }
    std::map<PhysAddr, Dirty> lines;
    int invalidations = 0;
    int downgrades = 0;

private:
    Dirty take(PhysAddr line) {
        const auto found = lines.find(line);
        if (found == lines.end()) return Dirty::No;
        const Dirty dirty = found->second;
        lines.erase(found);
        return dirty;
    }
};

struct Fixture : testing::Test {
    void build(const LlcConfig& config, std::size_t cpus) {
        cache = std::make_unique<SharedCache>(config, SharedCacheClients{cpus, 1024}, memory, 1, "llc");
        for (std::size_t i = 0; i < cpus; ++i) cache->attach(static_cast<CpuId>(i), cores[i]);
    }
    LineResponse ask(unsigned cpu, std::uint64_t address, AccessKind kind, std::uint64_t time) {
        return ask(static_cast<CpuId>(cpu), address, kind, time);
    }
    LineResponse ask(RequesterId requester, std::uint64_t address, AccessKind kind, std::uint64_t time) {
        return cache->request({PhysAddr(address), requester, kind, Tick(time)});
    }
    void evict(unsigned cpu, std::uint64_t address, SnoopTarget::Dirty dirty, std::uint64_t time) {
        cache->evict({PhysAddr(address), static_cast<CpuId>(cpu), AccessKind::WriteBack, Tick(time)}, dirty,
                     Retained::No);
    }
    FixedMemory memory;
    FakeHierarchy cores[4];
    std::unique_ptr<SharedCache> cache;
};
using SharedCacheTest = Fixture;

TEST_F(SharedCacheTest, ModifiedLineGoesToOneRequesterAtATime) {
    build(simple(), 3);
    cores[0].lines[PhysAddr(0)] = SnoopTarget::Dirty::Yes;
    (void)ask(0, 0, AccessKind::Store, 0);
    const LineResponse first = ask(1, 0, AccessKind::Store, 200'000);
    EXPECT_EQ(first.ready, Tick(250'000)); // look-up 20, snoop 30
    EXPECT_TRUE(first.taken);
    cores[1].lines[PhysAddr(0)] = SnoopTarget::Dirty::Yes;
    // Asked for while it is on its way: looked up again once it has arrived.
    const LineResponse second = ask(2, 0, AccessKind::Store, 210'000);
    EXPECT_EQ(second.ready, Tick(300'000));
    EXPECT_EQ(cache->stats().transfer_waits, 1U);
    cores[2].lines[PhysAddr(0)] = SnoopTarget::Dirty::Yes;
    EXPECT_EQ(ask(0, 0, AccessKind::Store, 400'000).ready, Tick(450'000));
    EXPECT_EQ(cache->stats().transfer_waits, 1U);
}

TEST_F(SharedCacheTest, LineIsTakenByAStoreOrFromWhoModifiedIt) {
    build(simple(), 2);
    EXPECT_FALSE(ask(0, 0, AccessKind::Load, 0).taken);
    EXPECT_FALSE(ask(1, 0, AccessKind::Load, 200'000).taken); // clean: both have it now
    EXPECT_TRUE(ask(1, 0, AccessKind::Store, 400'000).taken);
    cores[1].lines[PhysAddr(0)] = SnoopTarget::Dirty::Yes;
    EXPECT_TRUE(ask(0, 0, AccessKind::Load, 600'000).taken);
}
constexpr auto clean = SnoopTarget::Dirty::No;
constexpr auto dirty = SnoopTarget::Dirty::Yes;

TEST_F(SharedCacheTest, MissTakesTheLookUpAndMemoryThenHits) {
    build(simple(), 1);
    const LineResponse miss = ask(0, 0x1000, AccessKind::Load, 100'000);
    EXPECT_EQ(miss.ready, Tick(100'000 + 20'000 + memory_latency));
    EXPECT_EQ(miss.level, HitLevel::Memory);
    EXPECT_TRUE(miss.exclusive);
    const LineResponse hit = ask(0, 0x1000, AccessKind::Load, 200'000);
    EXPECT_EQ(hit.ready, Tick(220'000));
    EXPECT_EQ(hit.level, HitLevel::Llc);
}

TEST_F(SharedCacheTest, LineFromMemoryTakesTheFillLatency) {
    LlcConfig config = simple();
    config.cache.fill_latency = Cycles(9);
    build(config, 1);
    EXPECT_EQ(ask(0, 0x1000, AccessKind::Load, 1000).ready, Tick(1000 + 20'000 + memory_latency + 9000));
    EXPECT_EQ(ask(0, 0x1000, AccessKind::Load, 200'000).ready, Tick(200'000 + 20'000));
}

TEST_F(SharedCacheTest, FetchedLineIsSharedSoThatTheNextCpuAsksNobody) {
    for (const AccessKind first : {AccessKind::Fetch, AccessKind::PrefetchCode}) {
        build(simple(), 2);
        EXPECT_FALSE(ask(0, 0x1000, first, 100'000).exclusive);
        const LineResponse second = ask(1, 0x1000, AccessKind::Fetch, 300'000);
        EXPECT_EQ(second.ready, Tick(320'000));
        EXPECT_EQ(second.level, HitLevel::Llc);
        EXPECT_EQ(cache->stats().downgrades, 0U);
    }
    EXPECT_EQ(cores[0].downgrades, 0);
}

TEST_F(SharedCacheTest, FetchOfALineThatItsCpuMayStoreToLeavesItExclusive) {
    build(simple(), 2);
    EXPECT_TRUE(ask(0, 0x1000, AccessKind::Store, 100'000).exclusive);
    EXPECT_TRUE(ask(0, 0x1000, AccessKind::Fetch, 300'000).exclusive);
    EXPECT_EQ(ask(1, 0x1000, AccessKind::Fetch, 500'000).ready, Tick(520'000 + 30'000));
    EXPECT_EQ(cores[0].downgrades, 1);
}

TEST_F(SharedCacheTest, StoreOfAWholeLineReadsNoMemory) {
    build(simple(), 1);
    const LineResponse store = ask(0, 0x1000, AccessKind::StoreLine, 100'000);
    EXPECT_EQ(store.ready, Tick(120'000));
    EXPECT_TRUE(store.exclusive);
    EXPECT_TRUE(memory.requests.empty());
    EXPECT_EQ(cache->stats().lines_not_read, 1U);
}

TEST_F(SharedCacheTest, RequestWaitsForTheSlicesPort) {
    build(simple(), 1);
    ask(0, 0x1000, AccessKind::Load, 100'000);
    EXPECT_EQ(ask(0, 0x2000, AccessKind::Load, 100'000).ready, Tick(101'000 + 20'000 + memory_latency));
    EXPECT_EQ(ask(0, 0x3000, AccessKind::Load, 99'000).ready, Tick(99'000 + 20'000 + memory_latency));
}

TEST_F(SharedCacheTest, MissWaitsForAnMshr) {
    LlcConfig config = simple();
    config.cache.mshrs = 1;
    build(config, 1);
    const Tick first = ask(0, 0x1000, AccessKind::Load, 100'000).ready;
    EXPECT_EQ(ask(0, 0x2000, AccessKind::Load, 110'000).ready, first + Tick(memory_latency));
    EXPECT_EQ(cache->stats().cache.mshr_waits, 1U);
}

TEST_F(SharedCacheTest, WriteBackAllocatesAndReachesMemoryWhenDropped) {
    build(simple(), 1);
    evict(0, 0x0, dirty, 100'000);
    EXPECT_TRUE(memory.requests.empty());
    EXPECT_EQ(ask(0, 0x0, AccessKind::Load, 200'000).level, HitLevel::Llc);
    for (std::uint64_t way = 1; way <= 4; ++way) ask(0, way * 4096, AccessKind::Load, 200'000 + way * 1000);
    ASSERT_EQ(memory.requests.size(), 5U);
    EXPECT_EQ(memory.requests[4].kind, AccessKind::WriteBack);
    EXPECT_EQ(memory.requests[4].line, PhysAddr(0));
}

TEST_F(SharedCacheTest, VictimPolicyTakesOnlyWhatL2Drops) {
    build(simple(LlcPolicy::Victim), 1);
    EXPECT_TRUE(cache->wants_clean_victims());
    ask(0, 0x1000, AccessKind::Load, 100'000);
    EXPECT_EQ(ask(0, 0x1000, AccessKind::Load, 200'000).level, HitLevel::Memory);
    evict(0, 0x1000, clean, 300'000);
    EXPECT_EQ(ask(0, 0x1000, AccessKind::Load, 400'000).level, HitLevel::Llc);
}

TEST_F(SharedCacheTest, InclusivePolicyDropsPrivateCopiesWithTheLine) {
    for (const std::size_t cpus : {1U, 2U}) {
        memory.requests.clear();
        build(simple(LlcPolicy::Inclusive), cpus);
        ask(0, 0x0, AccessKind::Store, 100'000);
        cores[0].lines[PhysAddr(0)] = dirty;
        for (std::uint64_t way = 1; way <= 4; ++way)
            ask(0, way * 4096, AccessKind::Load, 200'000 + way * 1000);
        EXPECT_TRUE(cores[0].lines.empty());
        EXPECT_EQ(cache->stats().back_invalidations, 1U);
        // The private copy was modified, so memory gets it.
        EXPECT_EQ(memory.requests.back().kind, AccessKind::WriteBack);
    }
}

TEST_F(SharedCacheTest, FirstLoadGetsTheLineExclusiveTheSecondSharesIt) {
    build(simple(), 2);
    EXPECT_TRUE(ask(0, 0x1000, AccessKind::Load, 100'000).exclusive);
    const LineResponse second = ask(1, 0x1000, AccessKind::Load, 200'000);
    EXPECT_FALSE(second.exclusive);
    EXPECT_EQ(cores[0].downgrades, 1);
    // It was clean: the LLC has the data, but the owner had to be asked.
    EXPECT_EQ(second.level, HitLevel::Llc);
    EXPECT_EQ(second.ready, Tick(200'000 + 20'000 + 30'000));
}

TEST_F(SharedCacheTest, LoadOfALineModifiedElsewhereComesFromThere) {
    build(simple(), 2);
    ask(0, 0x1000, AccessKind::Store, 100'000);
    cores[0].lines[PhysAddr(0x1000)] = dirty;
    const LineResponse response = ask(1, 0x1000, AccessKind::Load, 200'000);
    EXPECT_EQ(response.level, HitLevel::RemoteCache);
    EXPECT_EQ(response.ready, Tick(200'000 + 20'000 + 30'000));
    EXPECT_EQ(memory.requests.size(), 1U);
    // The modified data went to the LLC too.
    EXPECT_EQ(ask(1, 0x1000, AccessKind::Load, 300'000).level, HitLevel::Llc);
}

TEST_F(SharedCacheTest, StoreToASharedLineDropsAllOtherCopies) {
    build(simple(), 3);
    for (unsigned cpu = 0; cpu < 3; ++cpu) ask(cpu, 0x1000, AccessKind::Load, 100'000 * (cpu + 1));
    const LineResponse response = ask(1, 0x1000, AccessKind::Store, 500'000);
    EXPECT_TRUE(response.exclusive);
    EXPECT_EQ(response.ready, Tick(500'000 + 20'000 + 30'000));
    EXPECT_EQ(cores[0].invalidations, 1);
    EXPECT_EQ(cores[1].invalidations, 0);
    EXPECT_EQ(cores[2].invalidations, 1);
    EXPECT_EQ(cache->stats().invalidations, 2U);
    // The line is in the requester's caches: no data is fetched.
    EXPECT_EQ(memory.requests.size(), 1U);
}

TEST_F(SharedCacheTest, HierarchyThatDroppedTheLineIsNotSnooped) {
    build(simple(), 2);
    ask(0, 0x1000, AccessKind::Load, 100'000);
    evict(0, 0x1000, clean, 150'000);
    EXPECT_TRUE(ask(1, 0x1000, AccessKind::Load, 200'000).exclusive);
    EXPECT_EQ(cores[0].downgrades, 0);
}

TEST_F(SharedCacheTest, DeviceReadSharesAndDeviceWriteDropsPrivateCopies) {
    build(simple(), 2);
    constexpr DeviceId device{0}; // no CPU 0
    ask(0, 0x1000, AccessKind::Store, 100'000);
    cores[0].lines[PhysAddr(0x1000)] = dirty;
    EXPECT_EQ(ask(device, 0x1000, AccessKind::Dma, 200'000).level, HitLevel::RemoteCache);
    EXPECT_EQ(cores[0].downgrades, 1);
    ask(device, 0x1000, AccessKind::WriteBack, 300'000);
    EXPECT_EQ(cores[0].invalidations, 1);
    EXPECT_EQ(ask(1, 0x1000, AccessKind::Load, 400'000).level, HitLevel::Llc);
    EXPECT_EQ(cache->stats().device_accesses, 2U);
    ask(device, 0x5000, AccessKind::Dma, 500'000);
    EXPECT_EQ(memory.requests.back().requester, RequesterId(device));
    EXPECT_EQ(ask(1, 0x5000, AccessKind::Load, 600'000).level, HitLevel::Memory);
}

TEST_F(SharedCacheTest, DeviceWritesTakeAFewWaysOfASet) {
    LlcConfig config = simple();
    config.ddio_ways = 1;
    build(config, 2);
    constexpr DeviceId device{0};
    constexpr std::uint64_t set = 64ULL * line_size; // a line further in the same set
    for (std::uint64_t i = 0; i < 3; ++i) ask(0, i * set, AccessKind::Load, 100'000 + i);
    for (std::uint64_t i = 10; i < 20; ++i) ask(device, i * set, AccessKind::WriteBack, 200'000 + i);
    EXPECT_EQ(cache->stats().device_lines_allocated, 10U);
    EXPECT_EQ(cache->stats().cache.write_backs_out, 9U); // each throws out the one before
    EXPECT_EQ(ask(1, 19 * set, AccessKind::Load, 300'000).level, HitLevel::Llc);
    ask(device, 19 * set, AccessKind::WriteBack, 400'000); // over the line that is there
    EXPECT_EQ(cache->stats().device_lines_allocated, 10U);
}

TEST_F(SharedCacheTest, DeviceWritesGoToMemoryWithoutDdio) {
    LlcConfig config = simple();
    config.ddio_ways = 0;
    build(config, 2);
    constexpr DeviceId device{0};
    ask(0, 0x1000, AccessKind::Load, 100'000);
    ask(device, 0x1000, AccessKind::WriteBack, 200'000);
    EXPECT_EQ(memory.requests.back().kind, AccessKind::WriteBack);
    EXPECT_EQ(cache->stats().device_writes_to_memory, 1U);
    EXPECT_EQ(cache->stats().device_lines_allocated, 0U);
    EXPECT_EQ(ask(1, 0x1000, AccessKind::Load, 300'000).level, HitLevel::Memory); // no stale copy
}

TEST_F(SharedCacheTest, SlicesHaveTheirOwnPorts) {
    LlcConfig config = simple();
    config.slices = 8;
    build(config, 1);
    std::uint64_t delayed = 0;
    for (std::uint64_t line = 0; line < 8; ++line)
        delayed += ask(0, line * 64, AccessKind::Load, 100'000).ready > Tick(120'000 + memory_latency);
    EXPECT_LT(delayed, 7U);
    for (std::uint64_t line = 0; line < 8; ++line)
        EXPECT_EQ(ask(0, line * 64, AccessKind::Load, 500'000 + line * 10'000).level, HitLevel::Llc);
}

/// Random loads, stores and fetches of a few cores on a few lines: afterwards, no two may hold a line of
/// which one is the exclusive owner.
TEST(Coherence, NobodyReadsALineThatAnotherCoreMayModify) {
    for (const LlcPolicy policy : {LlcPolicy::NonInclusive, LlcPolicy::Inclusive, LlcPolicy::Victim}) {
        FixedMemory memory;
        LlcConfig config = simple(policy);
        config.cache.sets = 4;
        PrivateHierarchyConfig small;
        small.l1d.sets = small.l1i.sets = 2;
        small.l1d.ways = small.l1i.ways = 2;
        small.l2.sets = 4;
        small.l2.ways = 2;
        SharedCache cache(config, {.cpus = 3, .private_lines = small.lines() * 3}, memory, 1, "llc");
        std::vector<std::unique_ptr<PrivateHierarchy>> cores;
        for (unsigned i = 0; i < 3; ++i)
            cores.push_back(std::make_unique<PrivateHierarchy>(small, static_cast<CpuId>(i),
                                                               Clock(2'000'000'000), cache, 1));
        Rng rng(2, "coherence");
        std::uint64_t cycle = 1000;
        std::map<std::uint64_t, unsigned> last_writer;
        for (int i = 0; i < 50'000; ++i) {
            cycle += 500;
            const auto cpu = static_cast<unsigned>(rng.below(3));
            const PhysAddr line(rng.below(24) * 64);
            switch (rng.below(3)) {
            case 0: {
                const AccessResult result = cores[cpu]->load(line, Cycles(cycle), VirtAddr(1));
                // A modified line is in the writer's caches or was written back; reading it from another
                // core's L1 or L2 without a request would be a stale copy.
                const auto writer = last_writer.find(line.value());
                if (writer != last_writer.end() && writer->second != cpu) {
                    ASSERT_NE(result.level, HitLevel::L1);
                    ASSERT_NE(result.level, HitLevel::L2);
                    last_writer.erase(writer);
                }
                break;
            }
            case 1:
                cores[cpu]->store(line, Cycles(cycle), VirtAddr(1));
                last_writer[line.value()] = cpu;
                break;
            default:
                cores[cpu]->walk(line, Cycles(cycle));
                last_writer.erase(line.value());
            }
        }
        EXPECT_GT(cache.stats().remote_cache_hits, 100U);
    }
}

} // namespace
} // namespace pagewalk::models
