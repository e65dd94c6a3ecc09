#include "os/path/memory_policy.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Mode = MemoryPolicy::Mode;

constexpr NodeId own{1};

TEST(MemoryPolicy, IsTheCpusNodeAndThenAnyByDefault) {
    MemoryPolicy policy;
    EXPECT_EQ(policy.place(own, {}).preferred, own);
    EXPECT_EQ(policy.place(own, 7).nodes, nullptr);
}

TEST(MemoryPolicy, PrefersItsNodeAndTakesOthers) {
    MemoryPolicy policy(Mode::Preferred, NodeMask(0b1000));
    EXPECT_EQ(policy.place(own, 4).preferred, NodeId{3});
    EXPECT_EQ(policy.place(own, 4).nodes, nullptr);
}

TEST(MemoryPolicy, BindsToItsNodesNearestFirst) {
    MemoryPolicy policy(Mode::Bind, NodeMask(0b1100));
    EXPECT_EQ(policy.place(own, {}).preferred, own); // whose list of nodes is followed
    ASSERT_NE(policy.place(own, {}).nodes, nullptr);
    EXPECT_EQ(*policy.place(own, {}).nodes, NodeMask(0b1100));
}

TEST(MemoryPolicy, InterleavesPagesOfAreasByTheirPlace) {
    MemoryPolicy policy(Mode::Interleave, NodeMask(0b1101));
    const std::vector<NodeId> nodes{NodeId{0}, NodeId{2}, NodeId{3}};
    for (std::uint64_t index = 0; index < 7; ++index)
        EXPECT_EQ(policy.place(own, index).preferred, nodes[index % 3]) << index;
    EXPECT_EQ(policy.place(own, 5).preferred, NodeId{3}) << "not a matter of turns";
}

TEST(MemoryPolicy, InterleavesOthersInTurn) {
    MemoryPolicy policy(Mode::Interleave, NodeMask(0b0110));
    EXPECT_EQ(policy.place(own, {}).preferred, NodeId{1});
    EXPECT_EQ(policy.place(own, {}).preferred, NodeId{2});
    EXPECT_EQ(policy.place(own, 0).preferred, NodeId{1});
    EXPECT_EQ(policy.place(own, {}).preferred, NodeId{1});
}

} // namespace
} // namespace pagewalk::os
