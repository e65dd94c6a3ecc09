#include "os/page/page_allocator.h"
#include "tests/unit/os/page/machines.h"

#include <algorithm>
#include <functional>
#include <optional>

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
    OomOutcome out_of_memory(const ReclaimRequest& request) override {
        ++kills;
        return on_oom ? on_oom(request) : OomOutcome::NoVictim;
    }

    NodeReclaimOutcome node_reclaim(NodeId node, const ReclaimRequest&) override {
        ++node_reclaims;
        return on_node_reclaim ? on_node_reclaim(node) : NodeReclaimOutcome::NoScan;
    }
    CpuId requester_cpu(CpuId cpu) const override { return moved_to.value_or(cpu); }
    bool node_dirty_ok(NodeId node) const override { return !dirty_nodes.contains(node); }

    int kswapd_wakes = 0, reclaims = 0, kills = 0, node_reclaims = 0;
    NodeMask dirty_nodes;
    std::function<NodeReclaimOutcome(NodeId)> on_node_reclaim;
    std::uint64_t reclaimable = 0;
    std::function<std::uint64_t(const ReclaimRequest&)> on_reclaim;
    std::function<OomOutcome(const ReclaimRequest&)> on_oom;
    std::optional<CpuId> moved_to;
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

TEST_F(SlowPath, TakesFromTheListsOfTheCpuWhereReclaimHasEnded) {
    m_allocator = boot_page_allocator(one_node(256 * mib, 2));
    m_allocator->set_reclaimer(&m_reclaimer);
    exhaust(gfp::nowait);
    m_reclaimer.on_reclaim = [this](const ReclaimRequest&) {
        free_some(200);
        m_reclaimer.moved_to = CpuId{1};
        return 200;
    };
    ASSERT_TRUE(m_allocator->allocate({.mask = gfp::kernel}).has_value());
    const Zone& zone = *m_allocator->find_zone(NodeId{0}, ZoneType::Dma32);
    // What a refill brings beyond the one page stays with the CPU.
    EXPECT_EQ(zone.pcp[CpuId{1}].count, std::int64_t{zone.pageset_batch} - 1);
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
        return OomOutcome::Killed;
    };
    AllocTrace trace;
    EXPECT_TRUE(m_allocator->allocate({.mask = gfp::kernel}, &trace).has_value());
    EXPECT_EQ(m_reclaimer.reclaims, 17);
    EXPECT_EQ(m_reclaimer.kills, 1);
    EXPECT_TRUE(trace.entered(SlowStage::OutOfMemory));
}

TEST_F(SlowPath, TheTraceNamesTheStageThatServed) {
    exhaust(gfp::highuser);
    AllocTrace trace;
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::nowait}, &trace).has_value());
    EXPECT_TRUE(trace.entered(SlowStage::Entered));
    AllocTrace reserve;
    ASSERT_TRUE(
        m_allocator->allocate({.mask = gfp::kernel, .context = TaskContext::Memalloc}, &reserve).has_value());
    EXPECT_EQ(reserve.served, AllocStage::Reserves);
    m_reclaimer.on_reclaim = [this](const ReclaimRequest&) {
        free_some(200);
        return 200;
    };
    AllocTrace reclaimed;
    ASSERT_TRUE(m_allocator->allocate({.mask = gfp::kernel}, &reclaimed).has_value());
    EXPECT_EQ(reclaimed.served, AllocStage::DirectReclaim);
}

TEST_F(SlowPath, AVictimComesToItsEndOnTheVictimsReserve) {
    exhaust(gfp::nowait);
    m_reclaimer.on_oom = [](const ReclaimRequest&) { return OomOutcome::RequesterKilled; };
    AllocTrace trace;
    ASSERT_TRUE(m_allocator->allocate({.mask = gfp::kernel}, &trace).has_value());
    EXPECT_EQ(m_reclaimer.kills, 1);
    EXPECT_EQ(trace.served, AllocStage::Reserves);
    // Once that reserve is used up, too, the allocation fails at the second look.
    while (m_allocator->allocate({.mask = gfp::kernel, .context = TaskContext::OomVictim})) {
    }
    const int before = m_reclaimer.kills;
    EXPECT_FALSE(m_allocator->allocate({.mask = gfp::kernel}).has_value());
    EXPECT_EQ(m_reclaimer.kills, before + 2);
}

class TwoNodes : public testing::Test {
protected:
    TwoNodes() { boot(); }
    void boot(ZoneReclaim zone_reclaim = ZoneReclaim::Off, unsigned distance = 20) {
        MemoryMap map = two_nodes(512 * mib);
        map.distances = {{10, distance}, {distance, 10}};
        m_allocator = boot_page_allocator(map, {.zone_reclaim = zone_reclaim});
        m_allocator->set_reclaimer(&m_reclaimer);
    }
    [[nodiscard]] NodeId node_of(GfpMask mask, const NodeMask* nodes = nullptr,
                                 const NodeMask* cpuset = nullptr, TaskContext context = TaskContext::None) {
        const auto frame = m_allocator->allocate(
            {.mask = mask, .preferred = NodeId{0}, .nodes = nodes, .cpuset = cpuset, .context = context});
        EXPECT_TRUE(frame.has_value());
        return frame ? m_allocator->zone_of(*frame)->node : NodeId{99};
    }
    /// Takes node 0 down to its low watermarks.
    void use_up_node_0(GfpMask mask) {
        while (node_of(mask) == NodeId{0}) {
        }
    }

    ScriptedReclaimer m_reclaimer;
    std::unique_ptr<PageAllocator> m_allocator;
};

TEST_F(TwoNodes, PagesToBeDirtiedGoWhereDirtyPagesAreFew) {
    m_reclaimer.dirty_nodes.insert(NodeId{0});
    EXPECT_EQ(node_of(gfp::highuser_movable), NodeId{0});
    EXPECT_EQ(node_of(gfp::highuser_movable | gfp::write), NodeId{1});
    // Better a node over its limit than none.
    m_reclaimer.dirty_nodes.insert(NodeId{1});
    EXPECT_EQ(node_of(gfp::highuser_movable | gfp::write), NodeId{0});
}

TEST_F(TwoNodes, ReclaimsNearbyOnlyWhereToldTo) {
    use_up_node_0(gfp::highuser);
    EXPECT_EQ(m_reclaimer.node_reclaims, 0);

    boot(ZoneReclaim::On);
    m_reclaimer.on_node_reclaim = [](NodeId node) {
        EXPECT_EQ(node, NodeId{0}); // node 1 has a CPU of its own
        return NodeReclaimOutcome::Full;
    };
    use_up_node_0(gfp::highuser);
    EXPECT_GT(m_reclaimer.node_reclaims, 0);
}

TEST_F(TwoNodes, StaysNearbyWhenReclaimFreedEnough) {
    boot(ZoneReclaim::On);
    std::vector<Pfn> held;
    m_reclaimer.on_node_reclaim = [&](NodeId) {
        if (held.size() < 1000) return NodeReclaimOutcome::Full;
        for (int i = 0; i < 1000; ++i, held.pop_back()) (void)m_allocator->free(held.back(), 0, CpuId{0});
        return NodeReclaimOutcome::Some;
    };
    for (std::uint64_t i = 0; i < 600 * mib / page_size; ++i) {
        const auto frame = m_allocator->allocate({.mask = gfp::highuser});
        ASSERT_TRUE(frame.has_value());
        ASSERT_EQ(m_allocator->zone_of(*frame)->node, NodeId{0});
        held.push_back(*frame);
    }
    EXPECT_GT(m_reclaimer.node_reclaims, 40);
}

TEST_F(TwoNodes, DoesNotReclaimForThoseWhoMayNotWait) {
    boot(ZoneReclaim::On);
    use_up_node_0(gfp::nowait);
    (void)node_of(gfp::highuser, nullptr, nullptr, TaskContext::Memalloc);
    EXPECT_EQ(m_reclaimer.node_reclaims, 0);
}

TEST_F(TwoNodes, CpusetsAreLeftOnlyByThoseWhoMay) {
    const NodeMask far(1U << 1);
    EXPECT_EQ(node_of(gfp::highuser, nullptr, &far), NodeId{1});
    const NodeMask near(1U << 0);
    while (m_allocator->allocate({.mask = gfp::highuser | gfp::nomemalloc | gfp::noretry, .cpuset = &near})) {
    }
    EXPECT_EQ(node_of(gfp::kernel, nullptr, &near, TaskContext::Interrupt), NodeId{1});
    // Who may not sleep uses up node 0's reserve; then better outside the cpuset than not at all.
    int inside = 0;
    while (node_of(gfp::high, nullptr, &near) == NodeId{0}) ++inside;
    EXPECT_GT(inside, 100);
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
