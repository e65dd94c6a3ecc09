#include "os/reclaim/node_reclaim.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

constexpr NodeId node{0};

struct ReclaimOfANode : testing::Test {
    ReclaimRig rig;
    ReclaimCounters& counters = rig.counters.reclaim;
    LruLists& lru = rig.frames.lru();

    /// Clean pages of a file, inactive.
    void fill_cache(std::uint64_t pages) {
        rig.at_once([&](Operation& op) {
            const InodeId file = rig.files.open(op, "/data");
            for (std::uint64_t index = 0; index < pages; ++index) {
                const Pfn frame = rig.files.get_page_for_write(op, file, index).frame;
                rig.frames.pages().at(frame).owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
            }
            rig.lru.drain(op);
        });
    }
    void write_pages(std::uint64_t pages) {
        for (std::uint64_t number = 0; number < pages; ++number) (void)rig.written(number);
    }
    ScanControl pass(ScanControl control) {
        rig.at_once([&](Operation& op) { rig.reclaim.shrink_node(op, node, control); });
        return control;
    }
};

TEST_F(ReclaimOfANode, FreesTheOldestFilePagesAsFarAsItIsAsked) {
    fill_cache(256);
    const ScanControl done = pass({.wanted = 32, .priority = 2});
    EXPECT_EQ(done.reclaimed, 32U);
    EXPECT_EQ(done.scanned, 32U);
    EXPECT_EQ(counters.pgscan_direct, 32U);
    EXPECT_EQ(counters.pgsteal_direct, 32U);
    EXPECT_EQ(counters.pgsteal[1], 32U);
    EXPECT_EQ(counters.pgscan_kswapd, 0U);
    const PageCache& pages = rig.files.at(InodeId{0}).pages;
    EXPECT_EQ(pages.next(0), 32U);
    EXPECT_EQ(pages.count(), 224U);
}

TEST_F(ReclaimOfANode, ScansTheShareOfItsPriority) {
    fill_cache(256);
    EXPECT_EQ(pass({.wanted = 1000, .priority = 2, .by_kswapd = true}).scanned, 64U);
    EXPECT_EQ(counters.pgscan_kswapd, 64U);
    EXPECT_EQ(pass({.wanted = 1000, .priority = 12}).scanned, 0U);
}

TEST_F(ReclaimOfANode, LeavesAnonymousMemoryAloneWhereItMayNotSwap) {
    write_pages(64);
    fill_cache(64);
    pass({.wanted = 1000, .priority = 1, .may_swap = false});
    EXPECT_EQ(counters.pgscan[0], 0U);
    EXPECT_EQ(counters.pgscan[1], 32U);
}

TEST_F(ReclaimOfANode, LeavesFilesAloneInTheMiddleOfAnOperation) {
    write_pages(64);
    fill_cache(64);
    pass({.wanted = 1000, .priority = 0, .spares_files = true});
    EXPECT_EQ(counters.pgscan[1], 0U);
    EXPECT_EQ(counters.pgscan[0], 64U);
}

TEST_F(ReclaimOfANode, DeactivatesWhereActivePagesAreMore) {
    write_pages(64);
    for (std::uint64_t number = 0; number < 40; ++number)
        lru.change_flags(rig.entry(*rig.space, page(number)).frame(), frame_flags::active, 0);
    ScanControl control{.by_kswapd = true};
    rig.at_once([&](Operation& op) { rig.reclaim.age_node(op, node, control); });
    EXPECT_EQ(lru.size(node, LruList::ActiveAnon), 8U); // 32 at a time
    EXPECT_EQ(rig.counters.pgdeactivate, 32U);
    EXPECT_EQ(counters.pgrefill, 32U);
    const Pfn oldest = rig.entry(*rig.space, page(0)).frame();
    EXPECT_NE(rig.flags(oldest) & frame_flags::workingset, 0);
    rig.at_once([&](Operation& op) { rig.reclaim.age_node(op, node, control); });
    EXPECT_EQ(lru.size(node, LruList::ActiveAnon), 8U); // few enough
}

TEST_F(ReclaimOfANode, SparesActivePagesUntilThereIsNoOtherWay) {
    fill_cache(64);
    for (const Pfn frame : lru.pages(node, LruList::InactiveFile))
        if (lru.size(node, LruList::ActiveFile) < 16) lru.change_flags(frame, frame_flags::active, 0);
    ScanControl control = pass({.wanted = 1000, .priority = 0});
    EXPECT_TRUE(control.skipped_deactivation);
    EXPECT_EQ(lru.size(node, LruList::ActiveFile), 16U);
    EXPECT_EQ(control.reclaimed, 48U);
    control = pass({.wanted = 1000, .priority = 0, .deactivates_all = true});
    EXPECT_EQ(lru.size(node, LruList::ActiveFile), 0U);
}

TEST_F(ReclaimOfANode, PassesOverPagesOfZonesThatDoNotHelp) {
    fill_cache(64);
    pass({.wanted = 1000, .highest = ZoneType::Dma, .priority = 0});
    EXPECT_EQ(counters.pgscan[1], 0U);
    EXPECT_EQ(rig.reclaim.reclaimable_pages(*rig.allocator->find_zone(node, ZoneType::Dma32)), 64U);
}

TEST_F(ReclaimOfANode, CountsAnonymousPagesAsReclaimableWhileThereIsSwap) {
    write_pages(10);
    const Zone& zone = *rig.allocator->find_zone(node, ZoneType::Dma32);
    EXPECT_EQ(rig.reclaim.reclaimable_pages(zone), 10U);
    rig.map_anonymous(*rig.space, page(1000), test::swap_pages);
    for (std::uint64_t number = 0; number < test::swap_pages; ++number) (void)rig.written(1000 + number);
    rig.page_out(1000, test::swap_pages);
    EXPECT_FALSE(rig.reclaim.can_swap());
    EXPECT_EQ(rig.reclaim.reclaimable_pages(zone), 0U);
}

/// Half of the cache's pages are charged to a group, every other one.
struct ReclaimWithAGroup : ReclaimOfANode {
    MemoryCgroup* group = nullptr;

    void charge(const MemoryLimits& limits) {
        group = &rig.frames.cgroups().add(limits);
        rig.at_once([&](Operation& op) {
            const InodeId file = rig.files.open(op, "/data");
            for (std::uint64_t index = 0; index < 256; ++index) {
                op.cgroup = index % 2 == 0 ? group : nullptr;
                const Pfn frame = rig.files.get_page_for_write(op, file, index).frame;
                rig.frames.pages().at(frame).owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
            }
            op.cgroup = nullptr;
            rig.lru.drain(op);
        });
    }
    [[nodiscard]] std::uint64_t cached() const { return lru.size(node, LruList::InactiveFile); }
};

TEST_F(ReclaimWithAGroup, ForTheGroupTakesItsPagesAlone) {
    charge({});
    const ScanControl done = pass({.wanted = 1000, .priority = 0, .target = group});
    EXPECT_EQ(done.reclaimed, 128U);
    EXPECT_EQ(group->usage, 0U);
    EXPECT_EQ(group->reclaimed, 128U);
    EXPECT_EQ(cached(), 128U);
    EXPECT_EQ(counters.pgsteal_direct, 0U); // the machine has reclaimed nothing
    EXPECT_EQ(counters.pgsteal[1], 128U);
}

TEST_F(ReclaimWithAGroup, ForTheMachineTakesBothKinds) {
    charge({});
    EXPECT_EQ(pass({.wanted = 1000, .priority = 2, .by_kswapd = true}).scanned, 64U);
    EXPECT_EQ(group->scanned, 32U);
}

TEST_F(ReclaimWithAGroup, LeavesWhatIsBelowTheMinimum) {
    charge({.min = 128});
    (void)pass({.wanted = 1000, .priority = 0, .takes_protected = true});
    EXPECT_EQ(group->usage, 128U);
    EXPECT_EQ(cached(), 128U);
}

TEST_F(ReclaimWithAGroup, TakesWhatIsBelowTheLowLimitOnlyWhereThereIsNoOtherWay) {
    charge({.low = 128});
    const ScanControl done = pass({.wanted = 1000, .priority = 0});
    EXPECT_TRUE(done.spared_protected);
    EXPECT_EQ(group->usage, 128U);
    EXPECT_EQ(group->low_hits, 0U);
    (void)pass({.wanted = 1000, .priority = 0, .takes_protected = true});
    EXPECT_EQ(group->usage, 0U);
    EXPECT_EQ(group->low_hits, 1U);
}

TEST_F(ReclaimWithAGroup, SwapsNoMoreThanTheGroupMay) {
    group = &rig.frames.cgroups().add({.swap = 10});
    rig.at_once([&](Operation& op) {
        op.cgroup = group;
        for (std::uint64_t number = 0; number < 32; ++number)
            (void)rig.vm.fault(op, *rig.space, page(number), FaultAccess::Write, StrayAccess::Kills);
        op.cgroup = nullptr;
        rig.lru.drain(op);
    });
    EXPECT_GE(group->usage, 32U);
    for (int round = 0; round < 3; ++round) {
        (void)pass({.wanted = 1000, .priority = 0, .target = group});
        rig.complete_all();
    }
    EXPECT_EQ(group->swap_usage, 10U);
    EXPECT_FALSE(rig.reclaim.can_swap(group->number));
    EXPECT_TRUE(rig.reclaim.can_swap());
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *rig.space, page(0), 64 * page_size); });
    EXPECT_EQ(group->swap_usage, 0U);
}

} // namespace
} // namespace pagewalk::os
