#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache.h"
#include "models/memory/dram_controller.h"

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
    const AccessResult result = caches.load(PhysAddr(0x1000), 1000, VirtAddr(1));
    EXPECT_EQ(result.ready, 1000 + 5 + 10 + memory_cycles);
    EXPECT_EQ(result.level, HitLevel::Memory);
    ASSERT_EQ(memory.requests.size(), 1U);
    EXPECT_EQ(memory.requests[0].time, Tick(1015 * 250));
}

TEST_F(PrivateHierarchyTest, LoadAfterTheFillHitsL1) {
    PrivateHierarchy caches = make(champsim());
    const std::uint64_t filled = caches.load(PhysAddr(0x1000), 1000, VirtAddr(1)).ready;
    const AccessResult result = caches.load(PhysAddr(0x1038), filled, VirtAddr(1));
    EXPECT_EQ(result.ready, filled + 5);
    EXPECT_EQ(result.level, HitLevel::L1);
}

TEST_F(PrivateHierarchyTest, LoadOfALineOnItsWayWaitsForIt) {
    PrivateHierarchy caches = make(champsim());
    const std::uint64_t filled = caches.load(PhysAddr(0x1000), 1000, VirtAddr(1)).ready;
    const AccessResult result = caches.load(PhysAddr(0x1008), 1001, VirtAddr(1));
    EXPECT_EQ(result.ready, filled);
    EXPECT_EQ(result.level, HitLevel::Memory);
    EXPECT_EQ(caches.l1d_stats().merges, 1U);
    EXPECT_EQ(caches.l1d_stats().misses, 1U);
}

} // namespace
} // namespace pagewalk::models
