#include "base/stats.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(StatRegistry, SnapshotsSubtractToARegionOfInterest) {
    std::uint64_t hits = 5, accesses = 10;
    Histogram latency;
    StatRegistry registry;
    StatGroup group = registry.group("core0").group("l1d");
    group.counter("hits", hits, "count", "hits");
    group.counter("accesses", accesses, "count", "accesses");
    group.ratio("hit_rate", "hits", "accesses", 100, "%", "share of hits");
    group.histogram("latency", latency, "cycles", "latency");
    const StatSnapshot before = registry.snapshot();
    hits = 8;
    accesses = 20;
    latency.add(4);
    const StatSnapshot region = registry.snapshot().since(before);
    EXPECT_EQ(region.counters[registry.find("core0/l1d", "hits")], 3U);
    EXPECT_EQ(region.counters[registry.find("core0/l1d", "accesses")], 10U);
    EXPECT_EQ(region.histograms[0].count(), 1U);
    EXPECT_EQ(registry.ratios()[0].formula, "hits * 100 / accesses");
    EXPECT_EQ(registry.find("core0/l1d", "none"), StatRegistry::npos);
}

TEST(StatRegistry, RegionHasTheGrowthOfCountersAndTheLastValueOfGauges) {
    std::uint64_t faults = 5, mapped = 100;
    StatRegistry registry;
    registry.group("kernel").counter("faults", faults, "count", "faults");
    registry.group("kernel").gauge("mapped", mapped, "pages", "mapped now");
    const StatSnapshot start = registry.snapshot();
    faults = 7;
    mapped = 30;
    const StatSnapshot region = registry.region(start, registry.snapshot());
    EXPECT_EQ(region.counters[registry.find("kernel", "faults")], 2U);
    EXPECT_EQ(region.counters[registry.find("kernel", "mapped")], 30U);
}

TEST(StatRegistry, SumsANameOverComponents) {
    std::uint64_t a = 1, b = 2, c = 4;
    StatRegistry registry;
    registry.group("cpu0/mmu").counter("walks", a, "count", "walks");
    registry.group("cpu1/mmu").counter("walks", b, "count", "walks");
    registry.group("other").counter("walks", c, "count", "walks");
    EXPECT_EQ(registry.sum(registry.snapshot(), "cpu*/mmu", "walks"), 3U);
}
