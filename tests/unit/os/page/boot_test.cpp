#include "os/page/boot.h"
#include "os/page/zone_tuning.h"
#include "tests/unit/os/page/machines.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(Boot, ManagesAllThatIsNotReserved) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const std::uint64_t reserved = 32 * mib / page_size;
    EXPECT_EQ(managed_frames(*allocator), 3998 + (gib - 16 * mib) / page_size - reserved);
    EXPECT_EQ(listed_frames(*allocator), managed_frames(*allocator));
    EXPECT_TRUE(allocator->pages().peek(pfn_of(PhysAddr(20 * mib))).is(PageState::Reserved));
}

TEST(Boot, HandsOutTheLowestBlocksFirst) {
    const auto allocator = boot_page_allocator(one_node(gib));
    EXPECT_EQ(*allocator->allocate({.mask = gfp::kernel, .order = 10}), pfn_of(PhysAddr(48 * mib)));
    EXPECT_EQ(*allocator->allocate({.mask = gfp::kernel, .order = 10}), pfn_of(PhysAddr(52 * mib)));
}

TEST(Boot, LateMemoryIsManagedButNotInTheWatermarks) {
    MemoryMap map = one_node(gib);
    const auto without = boot_page_allocator(map);
    map.freed_late = {{PhysAddr(16 * mib), PhysAddr(24 * mib)}};
    const auto with = boot_page_allocator(map);
    EXPECT_EQ(managed_frames(*with), managed_frames(*without) + 8 * mib / page_size);
    for (std::size_t i = 0; i < with->zones().size(); ++i)
        EXPECT_EQ(with->zones()[i]->watermarks, without->zones()[i]->watermarks);
    EXPECT_EQ(listed_frames(*with), managed_frames(*with));
}

TEST(Boot, KeepsTypesOfPagesApartUnlessToldNotTo) {
    const auto block_of = [](PageAllocator& allocator, GfpMask mask) {
        return allocator.allocate({.mask = mask})->value() >> 9; // a pageblock
    };
    for (const bool grouped : {true, false}) {
        PageSettings settings;
        settings.group_by_mobility = grouped;
        const auto allocator = boot_page_allocator(one_node(gib), settings);
        const bool apart = block_of(*allocator, gfp::kernel) != block_of(*allocator, gfp::highuser_movable);
        EXPECT_EQ(apart, grouped);
    }
}

TEST(Boot, HugePagesRaiseMinFreeKbytesFrom512MiBOn) {
    MemoryMap map = one_node(4 * gib);
    const auto with = boot_page_allocator(map);
    map.transparent_hugepages = false;
    const auto without = boot_page_allocator(map);
    // 3 zones below GFP_USER's highest are 2 here: 512 * 2 * (2 + 9) frames.
    EXPECT_EQ(with->settings().min_free_kbytes, 512 * 2 * 11 * 4);
    EXPECT_LT(without->settings().min_free_kbytes, 10000);
}

TEST(Boot, MinFreeKbytesCanBeSet) {
    PageSettings settings;
    settings.min_free_kbytes = 8192;
    const auto allocator = boot_page_allocator(one_node(gib), settings);
    std::uint64_t min = 0;
    for (const auto& zone : allocator->zones()) min += zone->watermark(Watermark::Min);
    EXPECT_NEAR(static_cast<double>(min), 2048.0, 2.0);
}

TEST(Boot, ATerabyteOnEightNodesIsSmall) {
    MemoryMap map = one_node(1024 * gib, 8);
    map.numa.clear();
    for (std::size_t node = 0; node < 8; ++node) {
        map.numa.push_back(
            {static_cast<NodeId>(node), {PhysAddr(node * 128 * gib), PhysAddr((node + 1) * 128 * gib)}});
        map.cpus[static_cast<CpuId>(node)] = static_cast<NodeId>(node);
    }
    const auto allocator = boot_page_allocator(map);
    EXPECT_LT(allocator->pages().host_bytes(), gib);
    EXPECT_EQ(allocator->node_count(), 8u);
    EXPECT_EQ(allocator->zone_of(*allocator->allocate({.mask = gfp::kernel, .preferred = NodeId{5}}))->node,
              NodeId{5});
}

TEST(ZoneTuning, PagesetsShareTheLowWatermark) {
    const auto allocator = boot_page_allocator(one_node(8 * gib, 4));
    for (const auto& zone : allocator->zones()) {
        if (zone->type == ZoneType::Dma) {
            EXPECT_EQ(zone->pageset_batch, 1);
            continue;
        }
        EXPECT_EQ(zone->pageset_batch, 63);
        EXPECT_EQ(zone->pageset_high, static_cast<std::int64_t>(zone->watermark(Watermark::Low) / 4));
    }
}

TEST(ZoneTuning, AHighFractionSetsTheListsFromManagedPages) {
    PageSettings settings;
    settings.percpu_pagelist_high_fraction = 8;
    const auto allocator = boot_page_allocator(one_node(8 * gib, 4), settings);
    for (const auto& zone : allocator->zones())
        EXPECT_EQ(zone->pageset_high,
                  std::max(static_cast<std::int64_t>(zone->managed / 8 / 4), zone->pageset_batch * 4));
}

} // namespace
} // namespace pagewalk::os
