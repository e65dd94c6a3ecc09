#include "os/page/gfp.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(GfpMask, HasTheValuesOfLinux61) {
    EXPECT_EQ(gfp::kernel.bits(), 0xcc0u);
    EXPECT_EQ(gfp::atomic.bits(), 0xa20u);
    EXPECT_EQ(gfp::highuser_movable.bits(), 0x100ccau);
    EXPECT_EQ(gfp::transhuge.bits(), 0x1c24cau);
}

TEST(GfpMask, PrintsAsTracepointsDo) {
    EXPECT_EQ(to_string(gfp::kernel), "GFP_KERNEL");
    EXPECT_EQ(to_string(gfp::highuser_movable | gfp::zero), "GFP_HIGHUSER_MOVABLE|__GFP_ZERO");
    EXPECT_EQ(to_string(gfp::atomic | gfp::nowarn), "GFP_ATOMIC|__GFP_NOWARN");
    EXPECT_EQ(to_string(gfp::kernel.without(gfp::reclaim)), "__GFP_IO|__GFP_FS");
    EXPECT_EQ(to_string(GfpMask{}), "none");
    EXPECT_EQ(to_string(GfpMask{0x2000000}), "0x2000000");
}

TEST(GfpMask, SelectsTheHighestZoneOfTheLayout) {
    EXPECT_EQ(highest_zone(gfp::kernel, ZoneLayout::X86_64), ZoneType::Normal);
    EXPECT_EQ(highest_zone(gfp::kernel | gfp::dma, ZoneLayout::X86_64), ZoneType::Dma);
    EXPECT_EQ(highest_zone(gfp::kernel | gfp::dma32, ZoneLayout::X86_64), ZoneType::Dma32);
    EXPECT_EQ(highest_zone(gfp::highuser, ZoneLayout::X86_64), ZoneType::Normal);
    EXPECT_EQ(highest_zone(gfp::highuser, ZoneLayout::I386), ZoneType::HighMem);
    EXPECT_EQ(highest_zone(gfp::highuser_movable, ZoneLayout::X86_64), ZoneType::Movable);
    EXPECT_EQ(highest_zone(gfp::kernel | gfp::dma32, ZoneLayout::I386), ZoneType::Normal);
    EXPECT_EQ(highest_zone(gfp::kernel | gfp::dma, ZoneLayout::X86_64NoDma), ZoneType::Normal);
}

TEST(GfpMask, NamesTheMobilityClass) {
    EXPECT_EQ(migratetype_of(gfp::kernel), Migratetype::Unmovable);
    EXPECT_EQ(migratetype_of(gfp::highuser_movable), Migratetype::Movable);
    EXPECT_EQ(migratetype_of(gfp::kernel | gfp::reclaimable), Migratetype::Reclaimable);
}

TEST(GfpMask, ContradictionsAreExplained) {
    EXPECT_TRUE(check(gfp::highuser_movable).has_value());
    const auto zones = check(gfp::dma | gfp::dma32);
    ASSERT_FALSE(zones.has_value());
    EXPECT_NE(zones.error().find("at most one"), std::string::npos);
    EXPECT_FALSE(check(gfp::movable | gfp::reclaimable).has_value());
    const auto unknown = check(GfpMask{0x80000000});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_NE(unknown.error().find("0x80000000"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
