#include "models/mmu/page_walker.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::cold_cycles;
using rig::l1_cycles;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// A walker of its own beside the rig's MMU, on the same caches and tables.
struct PageWalkerTest : testing::Test {
    PageWalkerTest() : walker(config, CpuId{0}, rig.clock, rig.caches, rig.tables) {
        for (std::uint64_t i = 0; i < 16; ++i) rig.space.map(user + i * level_span(3), frame + i);
        context = {rig.space.root(), 1};
        walker.declare(registry.group("mmu"));
    }
    [[nodiscard]] const Histogram& histogram(std::string_view name) const {
        for (const HistogramStatistic& statistic : registry.histograms())
            if (statistic.name == name) return *statistic.histogram;
        throw std::out_of_range(std::string(name));
    }
    MmuConfig config{.walkers = 2};
    PagingRig rig;
    PageWalker walker;
    StatRegistry registry;
    TranslationContext context;
};

TEST_F(PageWalkerTest, ThirdWalkWaitsForOneOfTwoWalkers) {
    const WalkResult first = walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_EQ(first.entry.ready.value(), 1 + 4 * cold_cycles);
    (void)walker.walk(context, user + level_span(3), FaultAccess::Read, Cycles(0));
    EXPECT_EQ(walker.stats().walker_wait_cycles, 0U);
    (void)walker.walk(context, user + 2 * level_span(3), FaultAccess::Read, Cycles(0));
    EXPECT_GT(walker.stats().walker_wait_cycles, 0U);
    EXPECT_EQ(histogram("walkers_busy").max(), 2U);
    EXPECT_EQ(histogram("walkers_busy").sum(), 0U + 1 + 2);
}

TEST_F(PageWalkerTest, LatencyIsToldByWhereTheLastEntryWas) {
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    const WalkResult again = walker.walk(context, user, FaultAccess::Read, Cycles(later));
    EXPECT_EQ(again.leaf, HitLevel::L1);
    EXPECT_EQ(histogram("walk_latency_memory").sum(), 1 + 4 * cold_cycles);
    EXPECT_EQ(histogram("walk_latency_l1").sum(), 1 + l1_cycles);
    EXPECT_EQ(histogram("walk_latency_llc").count(), 0U);
}

TEST_F(PageWalkerTest, WalkAheadIsNoDemandWalk) {
    const std::optional<TlbEntry> entry = walker.walk_ahead(context, user, Cycles(0));
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->frame, frame.value());
    EXPECT_EQ(entry->ready.value(), 1 + 4 * cold_cycles);
    EXPECT_EQ(walker.stats().walks, 0U);
    EXPECT_EQ(walker.stats().walk_references, 0U);
    EXPECT_EQ(walker.stats().walks_ahead, 1U);
    EXPECT_EQ(walker.stats().ahead_references, 4U);
}

TEST_F(PageWalkerTest, WalkAheadWaitsForNoWalkerAndRaisesNoFault) {
    EXPECT_FALSE(walker.walk_ahead(context, user + page_size, Cycles(0)));
    EXPECT_EQ(walker.stats().faults, 0U);
    EXPECT_EQ(walker.stats().walks_ahead_dropped, 1U);
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_FALSE(walker.walk_ahead(context, user, Cycles(1))); // both are at work
    EXPECT_EQ(walker.stats().walks_ahead_dropped, 2U);
}

TEST_F(PageWalkerTest, PeekReadsNothing) {
    const std::optional<TlbEntry> entry = walker.peek(context, user + 5);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->frame, frame.value());
    EXPECT_TRUE(entry->dirty);
    EXPECT_FALSE(walker.peek(context, user + page_size));
    EXPECT_EQ(rig.caches.l1d_stats().accesses, 0U);
}

TEST_F(PageWalkerTest, PeekHidesWhatNoTlbMayHold) {
    PageTableEntry& entry = rig.space.entry(user, 1);
    entry = entry.without(PageTableEntry::Accessed);
    EXPECT_FALSE(walker.peek(context, user));
}

} // namespace
} // namespace pagewalk::models
