#include "os/page/watermark.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

Zone zone_with_free(std::int64_t free_pages) {
    Zone zone;
    zone.free_pages = free_pages;
    zone.watermarks = {100, 125, 150, 175};
    zone.areas[0].count = 1;
    zone.areas[0].lists[0] = FrameList{};
    return zone;
}

TEST(Watermark, PassesOnePageAboveTheMark) {
    EXPECT_FALSE(watermark_ok(zone_with_free(125), 0, 125, ZoneType::Normal, {}, 125));
    EXPECT_TRUE(watermark_ok(zone_with_free(126), 0, 125, ZoneType::Normal, {}, 126));
}

TEST(Watermark, TheReserveForLowerZonesCountsForRequestsFromAbove) {
    Zone zone = zone_with_free(1000);
    zone.lowmem_reserve[index_of(ZoneType::Normal)] = 900;
    EXPECT_FALSE(watermark_ok(zone, 0, 100, ZoneType::Normal, {}, 1000));
    EXPECT_TRUE(watermark_ok(zone, 0, 100, ZoneType::Dma32, {}, 1000));
}

TEST(Watermark, RightsGoDeeperIntoTheReserve) {
    const Zone zone = zone_with_free(0);
    const auto passes = [&](AllocFlags flags, std::int64_t free_pages) {
        return watermark_ok(zone, 0, 100, ZoneType::Normal, flags, free_pages);
    };
    EXPECT_FALSE(passes(alloc::non_block, 100)); // without __GFP_HIGH no more than others
    EXPECT_TRUE(passes(alloc::min_reserve, 51));
    EXPECT_FALSE(passes(alloc::min_reserve, 50));
    EXPECT_TRUE(passes(alloc::min_reserve | alloc::non_block, 39)); // 50 - 50 / 4 = 38
    EXPECT_FALSE(passes(alloc::min_reserve | alloc::non_block, 38));
    EXPECT_TRUE(passes(alloc::oom, 51));
}

TEST(Watermark, TheAtomicReserveIsNotSeenByOrdinaryRequests) {
    Zone zone = zone_with_free(1000);
    zone.highatomic_pages = 950;
    EXPECT_FALSE(watermark_ok(zone, 0, 100, ZoneType::Normal, {}, 1000));
    EXPECT_TRUE(watermark_ok(zone, 0, 100, ZoneType::Normal, alloc::min_reserve, 1000));
}

TEST(Watermark, HighOrdersNeedABlock) {
    PageMap pages(Pfn(4096), 9);
    Zone zone = zone_with_free(1000);
    EXPECT_FALSE(watermark_ok(zone, 2, 100, ZoneType::Normal, {}, 1000));
    zone.areas[3].count = 1;
    zone.areas[3].lists[static_cast<std::size_t>(Migratetype::HighAtomic)].push_back(pages, 8);
    EXPECT_FALSE(watermark_ok(zone, 2, 100, ZoneType::Normal, {}, 1000));
    EXPECT_TRUE(watermark_ok(zone, 2, 100, ZoneType::Normal, alloc::highatomic, 1000));
    zone.areas[3].lists[static_cast<std::size_t>(Migratetype::Movable)].push_back(pages, 16);
    EXPECT_TRUE(watermark_ok(zone, 2, 100, ZoneType::Normal, {}, 1000));
}

TEST(Watermark, AtomicRequestsIgnoreTheBoostAtTheMinMark) {
    Zone zone = zone_with_free(150);
    zone.boost = 512;
    EXPECT_FALSE(watermark_ok_fast(zone, 0, ZoneType::Normal, alloc::wmark_min, gfp::kernel));
    EXPECT_TRUE(watermark_ok_fast(zone, 0, ZoneType::Normal, alloc::wmark_min, gfp::atomic));
    EXPECT_FALSE(watermark_ok_fast(zone, 0, ZoneType::Normal, alloc::wmark_low, gfp::atomic));
}

TEST(Watermark, TheSafeCheckCountsThePerCpuPartsWhenMemoryIsLow) {
    Zone zone = zone_with_free(90);
    zone.pcp.resize(2);
    zone.pcp[CpuId{0}].free_diff = 20;
    EXPECT_FALSE(watermark_ok_safe(zone, 0, 100, ZoneType::Normal));
    zone.drift_mark = 200;
    EXPECT_TRUE(watermark_ok_safe(zone, 0, 100, ZoneType::Normal));
}

} // namespace
} // namespace pagewalk::os
