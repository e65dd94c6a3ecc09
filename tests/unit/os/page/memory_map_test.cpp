#include "base/error.h"
#include "os/page/memory_map.h"
#include "tests/unit/os/page/machines.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(MemoryMap, LaysOutTheZonesOfA4GiBMachine) {
    MemoryMap map = one_node(3 * gib);
    map.usable.push_back({PhysAddr(4 * gib), PhysAddr(5 * gib)});
    const auto zones = lay_out_zones(map);
    ASSERT_EQ(zones.size(), 3u);
    EXPECT_EQ(zones[0].type, ZoneType::Dma);
    EXPECT_EQ(zones[0].begin, Pfn(1));
    EXPECT_EQ(zones[0].present, 3998u); // as every PC with a hole from 636 KiB to 1 MiB
    EXPECT_EQ(zones[1].type, ZoneType::Dma32);
    EXPECT_EQ(zones[1].end, Pfn(0x100000));
    EXPECT_EQ(zones[1].present, 0xc0000u - 0x1000u);
    EXPECT_EQ(zones[2].type, ZoneType::Normal);
    EXPECT_EQ(zones[2].present, 0x40000u);
}

TEST(MemoryMap, MovablecoreComesOffTheEndOfTheHighestZone) {
    MemoryMap map = one_node(3 * gib);
    map.usable.push_back({PhysAddr(4 * gib), PhysAddr(8 * gib)});
    map.movablecore_bytes = gib;
    const auto zones = lay_out_zones(map);
    ASSERT_EQ(zones.size(), 4u);
    EXPECT_EQ(zones[3].type, ZoneType::Movable);
    EXPECT_EQ(zones[3].end, Pfn(0x200000));
    EXPECT_GE(zones[3].present, gib / page_size);
    EXPECT_LT(zones[3].present, gib / page_size + max_order_pages);
    EXPECT_EQ(zones[2].end, zones[3].begin);
}

TEST(MemoryMap, KernelcoreIsSpreadOverTheNodes) {
    MemoryMap map = two_nodes(8 * gib);
    map.kernelcore_bytes = 10 * gib;
    const auto zones = lay_out_zones(map);
    std::uint64_t movable_0 = 0;
    std::uint64_t movable_1 = 0;
    for (const ZoneRange& zone : zones)
        if (zone.type == ZoneType::Movable) (zone.node == NodeId{0} ? movable_0 : movable_1) = zone.present;
    EXPECT_NEAR(static_cast<double>(movable_0), 3.0 * gib / page_size, 2.0 * max_order_pages);
    EXPECT_NEAR(static_cast<double>(movable_1), 3.0 * gib / page_size, 2.0 * max_order_pages);
}

TEST(MemoryMap, I386HasHighMemoryAbove896MiB) {
    MemoryMap map = one_node(2 * gib);
    map.layout = ZoneLayout::I386;
    const auto zones = lay_out_zones(map);
    ASSERT_EQ(zones.size(), 3u);
    EXPECT_EQ(zones[1].type, ZoneType::Normal);
    EXPECT_EQ(zones[1].end, pfn_of(PhysAddr(896 * mib)));
    EXPECT_EQ(zones[2].type, ZoneType::HighMem);
}

TEST(MemoryMap, PartialPagesAreNotUsable) {
    MemoryMap map;
    map.usable = {{PhysAddr(0x1800), PhysAddr(0x9fc00)}};
    const auto frames = usable_frames(map);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].first, Pfn(2));
    EXPECT_EQ(frames[0].second, Pfn(0x9f));
}

TEST(MemoryMap, ContradictionsAreNamed) {
    MemoryMap overlapping = one_node(gib);
    overlapping.usable.push_back({PhysAddr(mib), PhysAddr(2 * mib)});
    EXPECT_THROW(overlapping.validate(), ConfigError);

    MemoryMap both = one_node(gib);
    both.kernelcore_bytes = both.movablecore_bytes = mib;
    EXPECT_THROW(both.validate(), ConfigError);

    MemoryMap distances = two_nodes(gib);
    distances.distances = {{10}};
    EXPECT_THROW(distances.validate(), ConfigError);

    EXPECT_THROW(MemoryMap{}.validate(), ConfigError);
}

} // namespace
} // namespace pagewalk::os
