#include "os/page/page_allocator.h"
#include "tests/unit/os/page/machines.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class ScriptedReclaimer : public Reclaimer {
public:
    void wake_kswapd(Zone&, unsigned, GfpMask, ZoneType) override { ++kswapd_wakes; }
    std::uint64_t direct_reclaim(const ReclaimRequest& request) override {
        ++reclaims;
        return on_reclaim ? on_reclaim(request) : 0;
    }
    std::uint64_t reclaimable_pages(const Zone&) const override { return reclaimable; }
    bool out_of_memory(const ReclaimRequest& request) override {
        ++kills;
        return on_oom ? on_oom(request) : false;
    }

    int kswapd_wakes = 0, reclaims = 0, kills = 0;
    std::uint64_t reclaimable = 0;
    std::function<std::uint64_t(const ReclaimRequest&)> on_reclaim;
    std::function<bool(const ReclaimRequest&)> on_oom;
};

class SlowPath : public testing::Test {
protected:
    SlowPath() : m_allocator(boot_page_allocator(one_node(256 * mib))) {
        m_allocator->set_reclaimer(&m_reclaimer);
    }

    /// Takes everything that such a request can get. Not in huge blocks: the last refill of their per-CPU
    /// list would empty the zone far below its marks.
    void exhaust(GfpMask mask) {
        for (int order = 8; order >= 0; --order)
            while (const auto frame =
                       m_allocator->allocate({.mask = mask, .order = static_cast<unsigned>(order)}))
                m_held.push_back({*frame, static_cast<unsigned>(order)});
    }
    void free_some(std::size_t blocks) {
        for (; blocks != 0 && !m_held.empty(); --blocks) {
            (void)m_allocator->free(m_held.back().first, m_held.back().second, CpuId{0});
            m_held.pop_back();
        }
    }

    ScriptedReclaimer m_reclaimer;
    std::unique_ptr<PageAllocator> m_allocator;
    std::vector<std::pair<Pfn, unsigned>> m_held;
};

TEST_F(SlowPath, WakesKswapdBelowTheLowMark) {
    while (m_reclaimer.kswapd_wakes == 0)
        m_held.push_back({*m_allocator->allocate({.mask = gfp::kernel}), 0});
    const Zone& zone = *m_allocator->find_zone(NodeId{0}, ZoneType::Dma32);
    EXPECT_LE(zone.free_pages,
              static_cast<std::int64_t>(zone.watermark(Watermark::Low)) + zone.pageset_batch);
    EXPECT_GT(zone.free_pages, static_cast<std::int64_t>(zone.watermark(Watermark::Min)));
    EXPECT_EQ(m_reclaimer.reclaims, 0);
}

TEST_F(SlowPath, EachRightReachesDeeperIntoTheReserve) {
    exhaust(gfp::nowait);
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::nowait}).has_value());
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::high}).has_value());
    exhaust(gfp::high);
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::high | gfp::nomemalloc}).has_value());
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::nowait, .context = TaskContext::Memalloc}).has_value());
    for (std::uint64_t before = 0; before != free_frames(*m_allocator);) {
        before = free_frames(*m_allocator);
        exhaust(gfp::memalloc);
        m_allocator->drain_all(CpuId{0}); // lists of other types and orders
    }
    // What is left is reserved for high-order atomic requests: not even they who ignore watermarks get it.
    std::uint64_t reserved = 0;
    for (const auto& zone : m_allocator->zones())
        for (unsigned order = 0; order < max_order; ++order)
            reserved += zone->areas[order]
                            .lists[static_cast<std::size_t>(Migratetype::HighAtomic)]
                            .frames(m_allocator->pages())
                            .size()
                        << order;
    EXPECT_EQ(free_frames(*m_allocator), reserved);
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::atomic | gfp::memalloc}).has_value());
}

TEST_F(SlowPath, ReclaimsAndTriesAgain) {
    exhaust(gfp::nowait);
    m_reclaimer.on_reclaim = [this](const ReclaimRequest&) {
        free_some(200);
        return 200;
    };
    AllocTrace trace;
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::kernel}, &trace).has_value());
    EXPECT_EQ(m_reclaimer.reclaims, 1);
    EXPECT_TRUE(trace.entered(SlowStage::DirectReclaim));
    EXPECT_FALSE(trace.entered(SlowStage::OutOfMemory));
}

TEST_F(SlowPath, DoesNotReclaimForThoseWhoMayNot) {
    exhaust(gfp::nowait);
    (void)m_allocator->allocate({.mask = gfp::nowait});
    (void)m_allocator->allocate({.mask = gfp::kernel, .context = TaskContext::Memalloc});
    EXPECT_EQ(m_reclaimer.reclaims, 0);
}

TEST_F(SlowPath, GivesUpEarlyWithNoretry) {
    exhaust(gfp::nowait);
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel | gfp::noretry}).has_value());
    EXPECT_EQ(m_reclaimer.reclaims, 1);
    EXPECT_EQ(m_reclaimer.kills, 0);
}

TEST_F(SlowPath, TriesSixteenTimesWithoutProgressAndThenKills) {
    exhaust(gfp::nowait);
    m_reclaimer.reclaimable = 100'000; // there seems to be something
    m_reclaimer.on_oom = [this](const ReclaimRequest&) {
        free_some(200);
        return true;
    };
    AllocTrace trace;
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::kernel}, &trace).has_value());
    EXPECT_EQ(m_reclaimer.reclaims, 17);
    EXPECT_EQ(m_reclaimer.kills, 1);
    EXPECT_TRUE(trace.entered(SlowStage::OutOfMemory));
}

TEST_F(SlowPath, NobodyIsKilledForCostlyThisnodeLowmemOrMayfailRequests) {
    exhaust(gfp::nowait);
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel, .order = 4}).has_value());
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel | gfp::thisnode}).has_value());
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel | gfp::dma}).has_value());
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel | gfp::retry_mayfail}).has_value());
    EXPECT_EQ(m_reclaimer.kills, 0);
    EXPECT_EQ(m_allocator->allocate({.mask = gfp::kernel}).error(), AllocError::NoMemory);
    EXPECT_EQ(m_reclaimer.kills, 1);
}

TEST_F(SlowPath, NofailIsServedFromTheReserveAndTellsALivelock) {
    exhaust(gfp::nowait);
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::kernel | gfp::nofail}).has_value());
    exhaust(gfp::memalloc);
    EXPECT_EQ(m_allocator->allocate({.mask = gfp::kernel | gfp::nofail}).error(), AllocError::Livelock);
}

TEST_F(SlowPath, HighOrderAtomicRequestsReserveTheirPageblock) {
    exhaust(gfp::nowait);
    // Enough for the request, not enough for the low mark: it comes to the slow path.
    const auto block =
        std::ranges::find_if(m_held, [](const auto& held) { return held.second >= 4 && held.second < 8; });
    ASSERT_NE(block, m_held.end());
    (void)m_allocator->free(block->first, block->second, CpuId{0});
    const auto frame = m_allocator->allocate({.mask = gfp::atomic, .order = 4});
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(m_allocator->pages().pageblock_type(*frame), Migratetype::HighAtomic);
    EXPECT_GT(m_allocator->zone_of(*frame)->highatomic_pages, 0u);
}

} // namespace
} // namespace pagewalk::os
