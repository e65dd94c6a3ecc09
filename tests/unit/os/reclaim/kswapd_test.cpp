#include "os/reclaim/kswapd.h"
#include "tests/unit/os/page/machines.h"
#include "tests/unit/os/task/task_rig.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// Frees pages that the test holds, and takes notes.
struct LruOfATest : Reclaimer {
    PageAllocator& allocator;
    std::vector<Pfn> held;
    std::vector<NodeScan> scans;
    std::uint64_t frees_at_a_time = 0;

    explicit LruOfATest(PageAllocator& of) : allocator(of) {}
    NodeScanResult scan_node(const NodeScan& scan) override {
        scans.push_back(scan);
        NodeScanResult result{.scanned = scan.wanted};
        for (; result.reclaimed < frees_at_a_time && !held.empty(); ++result.reclaimed, held.pop_back())
            (void)allocator.free(held.back(), 0, CpuId{0});
        return result;
    }
};

struct WakesOfATest : Compactor {
    std::vector<unsigned> orders;
    void wake_kcompactd(Zone&, unsigned order, ZoneType) override { orders.push_back(order); }
};

class KswapdOfANode : public testing::Test {
protected:
    KswapdOfANode()
        : m_lru(*m_rig.allocator),
          m_kswapd({m_rig.frames, m_lru, m_compactor, m_rig.counters}, m_rig.runner, NodeId{0}) {
        m_rig.allocator->buddy().set_watermark_boost_factor(0);
        m_thread = &m_rig.run(CpuId{0}, [this](Operation& op) { m_kswapd.run(op); });
    }
    Zone& zone() { return *m_rig.allocator->find_zone(NodeId{0}, ZoneType::Dma32); }
    const KernelCounters& counters() const { return m_rig.counters; }
    void use_up_to_the_min_mark() {
        while (const auto frame = m_rig.allocator->allocate({.mask = gfp::nowait}))
            m_lru.held.push_back(*frame);
    }
    bool ask(unsigned order, GfpMask mask = gfp::kernel) {
        return m_kswapd.wanted(zone(), order, mask, ZoneType::Normal);
    }
    /// Wakes it and lets it run until it sleeps. Returns until when.
    Tick wake() {
        m_rig.run(CpuId{1}, [this](Operation& op) { m_kswapd.wake(op); });
        return run_until_it_sleeps();
    }
    Tick run_until_it_sleeps() {
        for (int rounds = 0; rounds < 1000 && m_rig.pick(CpuId{0}) != nullptr; ++rounds) {
        }
        EXPECT_EQ(m_thread->state, TaskState::Sleeping);
        return m_thread->wake_time;
    }

    test::TaskRig m_rig{2, {256 * mib}};
    LruOfATest m_lru;
    WakesOfATest m_compactor;
    Kswapd m_kswapd;
    Task* m_thread = nullptr;
};

TEST_F(KswapdOfANode, IsNotWokenWhileMemoryIsBalanced) {
    EXPECT_FALSE(ask(0));
    EXPECT_TRUE(m_compactor.orders.empty()); // the requester can compact itself
    EXPECT_FALSE(ask(3, gfp::atomic));
    EXPECT_EQ(m_compactor.orders, std::vector{3U});
}

TEST_F(KswapdOfANode, ReclaimsUpToTheHighMarkAndSleepsLightlyThenDeeply) {
    use_up_to_the_min_mark();
    m_lru.frees_at_a_time = 64;
    ASSERT_TRUE(ask(0));
    const Tick began = m_rig.now;
    const Tick light = wake();
    bool balanced = false; // one zone that the request may use is enough
    for (const auto& zone : m_rig.allocator->zones())
        balanced = balanced ||
                   zone->exact_free_pages() >= static_cast<std::int64_t>(zone->watermark(Watermark::High));
    EXPECT_TRUE(balanced);
    EXPECT_EQ(counters().pageoutrun, 1U);
    EXPECT_GT(m_lru.scans.size(), 2U);
    EXPECT_EQ(m_lru.scans.front().priority, 12U);
    EXPECT_EQ(m_lru.scans.back().priority, 12U); // enough was scanned: no need to try harder
    EXPECT_GE(light, began + Tick(100'000'000 * ticks_per_ns));
    m_rig.now = light;
    EXPECT_EQ(run_until_it_sleeps(), no_time);
}

TEST_F(KswapdOfANode, GivesTheNodeUpAfterSixteenRoundsInVain) {
    use_up_to_the_min_mark();
    ASSERT_TRUE(ask(0));
    wake();
    EXPECT_TRUE(m_kswapd.hopeless());
    EXPECT_EQ(counters().pageoutrun, 16U);
    EXPECT_EQ(m_lru.scans.size(), 16U * 12); // priorities 12 to 1
    EXPECT_EQ(m_lru.scans[11].priority, 1U);
    EXPECT_FALSE(ask(0));
}

TEST_F(KswapdOfANode, RechecksSingleFramesOnceItHasFreedTwiceTheBlock) {
    use_up_to_the_min_mark();
    m_lru.frees_at_a_time = 256;
    ASSERT_TRUE(ask(6));
    wake();
    EXPECT_EQ(m_lru.scans.front().order, 6U);
    ASSERT_FALSE(m_compactor.orders.empty());
    EXPECT_EQ(m_compactor.orders.back(), 6U); // what it could not make, kcompactd may
}

TEST_F(KswapdOfANode, WokenFromItsLightSleepItWorksOn) {
    use_up_to_the_min_mark();
    m_lru.frees_at_a_time = 64;
    ASSERT_TRUE(ask(0));
    wake();
    use_up_to_the_min_mark();
    ASSERT_TRUE(ask(0));
    wake();
    EXPECT_EQ(counters().kswapd_low_wmark_hit_quickly, 1U);
    EXPECT_EQ(counters().pageoutrun, 2U);
}

TEST_F(KswapdOfANode, TakesABoostBackAndAsksForHugeBlocks) {
    zone().boost = 512;
    ASSERT_TRUE(ask(0));
    wake();
    EXPECT_EQ(zone().boost, 0U);
    ASSERT_FALSE(m_compactor.orders.empty());
    EXPECT_EQ(m_compactor.orders.front(), 9U);
    for (const NodeScan& scan : m_lru.scans) EXPECT_FALSE(scan.may_swap);
}

} // namespace
} // namespace pagewalk::os
