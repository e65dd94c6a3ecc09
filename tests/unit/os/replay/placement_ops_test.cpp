#include "base/error.h"
#include "os/replay/placement_ops.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PlacementOps, AreTheAllocatorsOperationsInOrder) {
    const PlacementTrace trace = parse_ops("P0 - snap A\n"
                                           "P0 - f 401000 401000 14\n"
                                           "= refill 0 1 : 874f 872c+3\n"
                                           "P0 o a 0 1 140dca 874f page:P0:407000\n"
                                           "P0 - l 872e\n"
                                           "P0 k b 95bf stack:P1\n"
                                           "K47/S x c 0 2 87aa -\n"
                                           "P0 o B 9 8600 huge:P0:600000\n"
                                           "K7 x d 0 1\n"
                                           "P0 o fail 9 1 1c20ca\n"
                                           "P0 - s 157 5057 1 0 0 0 0\n",
                                           "ops");
    ASSERT_EQ(trace.ops.size(), 6U);
    EXPECT_EQ(trace.onto_lru, std::vector<Pfn>{Pfn(0x872e)});
    const PlacementOp& first = trace.ops[0];
    EXPECT_EQ(first.owner, PlacementOp::Owner::Program);
    EXPECT_EQ(first.kind, PlacementOp::Kind::Allocate);
    EXPECT_EQ(first.type, Migratetype::Movable);
    EXPECT_EQ(first.gfp, 0x140dcaU);
    EXPECT_EQ(first.frame, Pfn(0x874f));
    EXPECT_EQ(first.what, "page:P0:407000");
    EXPECT_EQ(first.line, 4U);
    EXPECT_EQ(trace.ops[1].kind, PlacementOp::Kind::AllocateBulk);
    EXPECT_EQ(trace.ops[1].owner, PlacementOp::Owner::Kernel);
    EXPECT_EQ(trace.ops[2].owner, PlacementOp::Owner::Foreign);
    EXPECT_EQ(trace.ops[2].type, Migratetype::Reclaimable);
    EXPECT_EQ(trace.ops[3].order, 9U);
    EXPECT_EQ(trace.ops[4].zone, 1U);
    EXPECT_EQ(trace.ops[5].kind, PlacementOp::Kind::Fail);
}

TEST(PlacementOps, AreRefusedWhereTheyAreDamaged) {
    EXPECT_THROW((void)parse_ops("P0 o a 0 1 140dca\n", "ops"), InputError);
    EXPECT_THROW((void)parse_ops("P0 q a 0 1 140dca 12\n", "ops"), InputError);
    EXPECT_THROW((void)parse_ops("P0\n", "ops"), InputError);
}

} // namespace
} // namespace pagewalk::os
