#include "contract/table_replicas.h"

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

TEST(TableReplicas, LieOnTheNodeThatHasOne) {
    TableReplicas replicas;
    replicas.add(Pfn(10), NodeId{1}, Pfn(1010));
    replicas.add(Pfn(10), NodeId{2}, Pfn(2010));
    EXPECT_EQ(replicas.on(NodeId{0}, Pfn(10)), Pfn(10));
    EXPECT_EQ(replicas.on(NodeId{1}, Pfn(10)), Pfn(1010));
    EXPECT_EQ(replicas.on(NodeId{2}, Pfn(10)), Pfn(2010));
    EXPECT_EQ(replicas.on(NodeId{1}, Pfn(11)), Pfn(11));
}

TEST(TableReplicas, GoWithTheirTable) {
    TableReplicas replicas;
    replicas.add(Pfn(10), NodeId{1}, Pfn(1010));
    EXPECT_EQ(replicas.remove(Pfn(10)), std::vector<Pfn>{Pfn(1010)});
    EXPECT_EQ(replicas.on(NodeId{1}, Pfn(10)), Pfn(10));
    EXPECT_TRUE(replicas.remove(Pfn(10)).empty());
    EXPECT_EQ(replicas.tables(), 0U);
}

} // namespace
} // namespace pagewalk
