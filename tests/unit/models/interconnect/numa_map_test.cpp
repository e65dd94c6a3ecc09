#include "models/interconnect/numa_map.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

NumaMap two_nodes() {
    return NumaMap({{PhysAddr(0x100000), PhysAddr(0x200000), NodeId{1}},
                    {PhysAddr(0x1000), PhysAddr(0x80000), NodeId{0}}});
}

TEST(NumaMap, FindsTheNodeOfAnAddressAtBothEndsOfItsRange) {
    const NumaMap map = two_nodes();
    EXPECT_EQ(map.node_of(PhysAddr(0x1000)), NodeId{0});
    EXPECT_EQ(map.node_of(PhysAddr(0x7ffff)), NodeId{0});
    EXPECT_EQ(map.node_of(PhysAddr(0x100000)), NodeId{1});
    EXPECT_EQ(map.node_of(PhysAddr(0x1fffff)), NodeId{1});
    EXPECT_EQ(map.node_count(), 2U);
}

TEST(NumaMap, GivesAHoleToTheRangeBelowIt) {
    const NumaMap map = two_nodes();
    EXPECT_EQ(map.node_of(PhysAddr(0xfffff)), NodeId{0});
    EXPECT_EQ(map.node_of(PhysAddr(0)), NodeId{0});
    EXPECT_EQ(map.node_of(PhysAddr(1ULL << 40)), NodeId{1});
}

TEST(NumaMap, RefusesOverlapEmptyRangesAndNoRange) {
    EXPECT_THROW(NumaMap({{PhysAddr(0), PhysAddr(0x2000), NodeId{0}},
                          {PhysAddr(0x1fff), PhysAddr(0x3000), NodeId{1}}}),
                 ConfigError);
    EXPECT_THROW(NumaMap({{PhysAddr(0x2000), PhysAddr(0x2000), NodeId{0}}}), ConfigError);
    EXPECT_THROW(NumaMap({}), ConfigError);
}

} // namespace
} // namespace pagewalk::models
