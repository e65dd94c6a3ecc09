#include "os/proc/page_files.h"
#include "tests/unit/os/page/machines.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(Buddyinfo, CountsBlocksOfEachOrder) {
    const auto allocator = boot_page_allocator(one_node(64 * mib));
    const std::string text = buddyinfo_text(*allocator);
    EXPECT_EQ(text.substr(0, text.find('\n')), "Node 0, zone      DMA      2      2      2      2      2     "
                                               " 1      1      0      1      1      3 ");
    EXPECT_NE(
        text.find(
            "Node 0, zone    DMA32      0      0      0      0      0      0      0      0      0      0"
            "      4 \n"),
        std::string::npos);
}

TEST(Pagetypeinfo, ListsTypesAndPageblocksOfEachZone) {
    const auto allocator = boot_page_allocator(one_node(64 * mib));
    const std::string text = pagetypeinfo_text(*allocator);
    EXPECT_TRUE(text.starts_with("Page block order: 9\nPages per block:  512\n\n"));
    EXPECT_NE(
        text.find(
            "Node    0, zone    DMA32, type      Movable      0      0      0      0      0      0      0"
            "      0      0      0      4 \n"),
        std::string::npos);
    EXPECT_NE(
        text.find(
            "Node 0, zone    DMA32            0           24            0            0            0 \n"),
        std::string::npos);
}

TEST(Zoneinfo, ShowsEveryZoneOfTheLayoutEmptyOnesToo) {
    const auto allocator = boot_page_allocator(one_node(64 * mib, 2));
    const std::string text = zoneinfo_text(*allocator, StatisticsSource{});
    for (const char* zone :
         {"zone      DMA\n", "zone    DMA32\n", "zone   Normal\n", "zone  Movable\n", "zone   Device\n"})
        EXPECT_NE(text.find(zone), std::string::npos) << zone;
    EXPECT_NE(text.find("    cpu: 1\n"), std::string::npos);
    EXPECT_NE(text.find("  start_pfn:           4096\n"), std::string::npos);
}

TEST(Zoneinfo, ShowsNodesThatHaveMemoryOrCpus) {
    MemoryMap map = two_nodes(512 * mib);
    map.numa[1].node = NodeId{3};
    map.cpus = {NodeId{0}, NodeId{2}};
    const std::string text = zoneinfo_text(*boot_page_allocator(map), StatisticsSource{});
    EXPECT_EQ(text.find("Node 1,"), std::string::npos);
    EXPECT_NE(text.find("Node 2, zone   Normal\n  pages free     0\n"), std::string::npos);
    EXPECT_NE(text.find("Node 3, zone    DMA32\n"), std::string::npos);
}

TEST(Numastat, AddsUpTheZonesOfItsNode) {
    const auto allocator = boot_page_allocator(two_nodes(512 * mib));
    ASSERT_TRUE(
        allocator->allocate({.mask = gfp::kernel, .order = 0, .cpu = CpuId{1}, .preferred = NodeId{1}}));
    EXPECT_TRUE(numastat_text(*allocator, NodeId{1}).starts_with("numa_hit 1\nnuma_miss 0\n"))
        << numastat_text(*allocator, NodeId{1});
    EXPECT_NE(numastat_text(*allocator, NodeId{1}).find("local_node 1\nother_node 0\n"), std::string::npos);
    EXPECT_TRUE(numastat_text(*allocator, NodeId{0}).starts_with("numa_hit 0\n"));
}

class FixedStatistics : public StatisticsSource {
public:
    std::uint64_t node_statistic(NodeId, std::string_view name) const override {
        return name == "nr_mapped" ? 17 : 0;
    }
    std::uint64_t zone_statistic(const Zone& zone, std::string_view name) const override {
        return name == "nr_mlock" && zone.type == ZoneType::Dma32 ? 23 : 0;
    }
    bool node_unreclaimable(NodeId) const override { return true; }
};

TEST(Zoneinfo, TakesOtherCountersFromTheirKeeper) {
    const auto allocator = boot_page_allocator(one_node(64 * mib));
    const std::string text = zoneinfo_text(*allocator, FixedStatistics{});
    EXPECT_NE(text.find("      nr_mapped    17\n"), std::string::npos);
    EXPECT_NE(text.find("      nr_mlock     23\n"), std::string::npos);
    EXPECT_NE(text.find("  node_unreclaimable:  1\n"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
