#include "os/page/per_cpu_pages.h"
#include "tests/unit/os/page/machines.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PerCpuPages, HasFourteenListsByOrderAndType) {
    EXPECT_EQ(PerCpuPages::list_count, 14u);
    EXPECT_EQ(PerCpuPages::list_index(0, Migratetype::Movable), 1u);
    EXPECT_EQ(PerCpuPages::list_index(3, Migratetype::Reclaimable), 11u);
    EXPECT_EQ(PerCpuPages::list_index(9, Migratetype::Unmovable), 12u);
    EXPECT_EQ(PerCpuPages::list_index(9, Migratetype::Movable), 13u);
    EXPECT_EQ(PerCpuPages::order_of(11, 9), 3u);
    EXPECT_EQ(PerCpuPages::order_of(13, 9), 9u);
    EXPECT_TRUE(PerCpuPages::allows(9, 9));
    EXPECT_FALSE(PerCpuPages::allows(4, 9));
}

TEST(PerCpuPages, RefillsFewerBlocksOfHigherOrders) {
    PerCpuPages lists;
    lists.batch = 63;
    EXPECT_EQ(lists.refill_count(0), 63);
    EXPECT_EQ(lists.refill_count(3), 7);
    EXPECT_EQ(lists.refill_count(9), 2);
    lists.batch = 1;
    EXPECT_EQ(lists.refill_count(9), 1);
}

TEST(PerCpuPages, DrainsTwiceAsMuchAfterEachFreeInARow) {
    PerCpuPages lists;
    lists.batch = 31;
    lists.high = 813;
    EXPECT_EQ(lists.drain_count(lists.high, false), 31);
    EXPECT_EQ(lists.drain_count(lists.high, false), 62);
    EXPECT_EQ(lists.drain_count(lists.high, false), 124);
    lists.free_factor = PerCpuPages::free_factor_max;
    EXPECT_EQ(lists.drain_count(lists.high, false), 813 - 31); // a batch stays
    EXPECT_EQ(lists.free_factor, PerCpuPages::free_factor_max);
}

TEST(PerCpuPages, KeepsLessWhileTheZoneIsReclaimed) {
    PerCpuPages lists;
    lists.batch = 31;
    lists.high = 813;
    EXPECT_EQ(lists.drain_threshold(false, false), 813);
    EXPECT_EQ(lists.drain_threshold(false, true), 124);
    EXPECT_EQ(lists.drain_threshold(true, false), 0);
}

TEST(PerCpuPages, GivesFramesOfARefillInAddressOrder) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const auto first = allocator->allocate({.mask = gfp::kernel});
    const auto second = allocator->allocate({.mask = gfp::kernel});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(second->value(), first->value() + 1);
}

TEST(PerCpuPages, HandsTheFrameFreedLastOutFirst) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const Pfn a = *allocator->allocate({.mask = gfp::highuser_movable});
    const Pfn b = *allocator->allocate({.mask = gfp::highuser_movable});
    ASSERT_TRUE(allocator->free(a, 0, CpuId{0}).has_value());
    ASSERT_TRUE(allocator->free(b, 0, CpuId{0}).has_value());
    EXPECT_EQ(*allocator->allocate({.mask = gfp::highuser_movable}), b);
    EXPECT_EQ(*allocator->allocate({.mask = gfp::highuser_movable}), a);
}

TEST(PerCpuPages, AnotherCpuHasItsOwn) {
    const auto allocator = boot_page_allocator(one_node(gib, 2));
    const Pfn frame = *allocator->allocate({.mask = gfp::kernel, .cpu = CpuId{0}});
    ASSERT_TRUE(allocator->free(frame, 0, CpuId{0}).has_value());
    EXPECT_NE(*allocator->allocate({.mask = gfp::kernel, .cpu = CpuId{1}}), frame);
    EXPECT_EQ(*allocator->allocate({.mask = gfp::kernel, .cpu = CpuId{0}}), frame);
}

TEST(PerCpuPages, AreEmptyAfterADrainOfAll) {
    const auto allocator = boot_page_allocator(one_node(gib, 2));
    for (int i = 0; i < 100; ++i) {
        const Pfn frame = *allocator->allocate({.mask = gfp::kernel, .cpu = static_cast<CpuId>(i % 2)});
        ASSERT_TRUE(allocator->free(frame, 0, static_cast<CpuId>(i % 2)).has_value());
    }
    allocator->drain_all(CpuId{0});
    for (const auto& zone : allocator->zones()) EXPECT_EQ(zone->pcp_pages(), 0);
    EXPECT_EQ(listed_frames(*allocator), managed_frames(*allocator));
}

TEST(PerCpuPages, IdleListsOfARemoteNodeAreDrainedAfterThreeQuietRounds) {
    const auto allocator = boot_page_allocator(two_nodes(gib));
    const Pfn frame = *allocator->allocate({.mask = gfp::kernel, .cpu = CpuId{0}, .preferred = NodeId{1}});
    ASSERT_TRUE(allocator->free(frame, 0, CpuId{0}).has_value());
    Zone& remote = *allocator->zone_of(frame);
    const std::int64_t held = remote.pcp[CpuId{0}].count;
    ASSERT_GT(held, 0);
    remote.pcp[CpuId{0}].free_diff = 1;
    allocator->refresh_statistics(CpuId{0}); // notes the change, and counts one round
    allocator->refresh_statistics(CpuId{0});
    EXPECT_EQ(remote.pcp[CpuId{0}].count, held);
    allocator->refresh_statistics(CpuId{0});
    EXPECT_LT(remote.pcp[CpuId{0}].count, held);
}

} // namespace
} // namespace pagewalk::os
