#include "base/address.h"
#include "base/ids.h"

#include <type_traits>

#include <gtest/gtest.h>

using namespace pagewalk;

template <class A, class B>
concept Comparable = requires(A a, B b) {
    a == b;
};

TEST(Address, SpacesDoNotMix) {
    EXPECT_FALSE((std::is_convertible_v<VirtAddr, PhysAddr>));
    EXPECT_FALSE((std::is_constructible_v<PhysAddr, VirtAddr>));
    EXPECT_FALSE((Comparable<VirtAddr, PhysAddr>));
    EXPECT_FALSE((Comparable<Pfn, Vpn>));
}

TEST(Address, PagesAndLines) {
    const PhysAddr address(0x12345);
    EXPECT_EQ(pfn_of(address), Pfn(0x12));
    EXPECT_EQ(address_of(Pfn(0x12)), PhysAddr(0x12000));
    EXPECT_EQ(address.line(), PhysAddr(0x12340));
    EXPECT_EQ(address.page_offset(), 0x345U);
}

TEST(IndexedVec, IsIndexedByItsOwnId) {
    IndexedVec<NodeId, int> nodes(2, 7);
    EXPECT_EQ(nodes[NodeId{1}], 7);
    EXPECT_EQ(nodes.push_back(9), NodeId{2});
    EXPECT_FALSE(nodes.contains(NodeId{3}));
}
