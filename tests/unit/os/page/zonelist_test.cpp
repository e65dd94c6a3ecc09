#include "os/page/zonelist.h"
#include "tests/unit/os/page/machines.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

std::vector<std::vector<unsigned>> uniform(std::size_t nodes) {
    std::vector<std::vector<unsigned>> distance(nodes, std::vector<unsigned>(nodes, 20));
    for (std::size_t i = 0; i < nodes; ++i) distance[i][i] = 10;
    return distance;
}

std::vector<NodeId> nodes(std::initializer_list<int> numbers) {
    std::vector<NodeId> result;
    for (const int number : numbers) result.push_back(static_cast<NodeId>(number));
    return result;
}

TEST(Zonelist, FallsBackToTheNextNodeAmongEquals) {
    const auto order = fallback_order(uniform(4), {true, true, true, true}, {true, true, true, true});
    EXPECT_EQ(order[0], nodes({0, 1, 2, 3}));
    EXPECT_EQ(order[1], nodes({1, 2, 3, 0}));
    EXPECT_EQ(order[2], nodes({2, 3, 0, 1}));
    EXPECT_EQ(order[3], nodes({3, 0, 1, 2}));
}

TEST(Zonelist, PrefersNearNodes) {
    const std::vector<std::vector<unsigned>> distance{{10, 30, 20}, {30, 10, 20}, {20, 20, 10}};
    const auto order = fallback_order(distance, {true, true, true}, {true, true, true});
    EXPECT_EQ(order[0], nodes({0, 2, 1}));
    EXPECT_EQ(order[1], nodes({1, 2, 0}));
}

TEST(Zonelist, PrefersMemoryWithoutCpus) {
    const auto order = fallback_order(uniform(3), {true, true, true}, {true, true, false});
    EXPECT_EQ(order[0], nodes({0, 2, 1}));
}

TEST(Zonelist, LeavesOutNodesWithoutMemoryButItsOwn) {
    const auto order = fallback_order(uniform(3), {true, false, true}, {true, true, true});
    EXPECT_EQ(order[0], nodes({0, 2}));
    EXPECT_EQ(order[1], nodes({1, 2, 0}));
}

TEST(Zonelist, GoesThroughANodesZonesFromTheTopBeforeTheNextNode) {
    const auto allocator = boot_page_allocator(two_nodes(4 * gib));
    std::vector<std::pair<NodeId, ZoneType>> seen;
    for (const Zone* zone : allocator->zonelist(NodeId{1}, false)) seen.emplace_back(zone->node, zone->type);
    EXPECT_EQ(seen,
              (std::vector<std::pair<NodeId, ZoneType>>{
                  {NodeId{1}, ZoneType::Normal}, {NodeId{0}, ZoneType::Dma32}, {NodeId{0}, ZoneType::Dma}}));
    EXPECT_EQ(allocator->zonelist(NodeId{1}, true).size(), 1u);
}

} // namespace
} // namespace pagewalk::os
