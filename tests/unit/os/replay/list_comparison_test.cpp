#include "base/error.h"
#include "os/replay/list_comparison.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

std::string snapshot(const std::string& list, const std::string& counters) {
    return "SNAP 0 cpus 1 nodes 1 pageblock_order 9 max_order 11 pcp_lists 14 migrate_types 5\n"
           "ZONE 0 1 DMA32 start 1000 spanned 4096 present 4096 managed 4096\n"
           "WMARK 0 1 min 1 low 2 high 3 promo 4 boost 0 flags 0 highatomic 0 isolate 0\n"
           "ZSTAT 0 1 4 0\n"
           "NRFREE 0 1 1 2\n"
           "FL 0 1 1 1 : " +
           list + "\nPCP 0 1 0 count 0 " + counters +
           "\nPB 0 1 1000 8 1\n"
           "PF 1000 16 1000\n"
           "END trunc 0\n";
}

ListComparison compare(const std::string& ours, const std::string& real) {
    return compare_lists(*PageSnapshot::parse(ours, "a").build(), PageSnapshot::parse(real, "b"));
}

TEST(ListComparison, IsOfEveryListInOrder) {
    const std::string ours = snapshot("1020 1010", "high 100 batch 7 free_factor 0 expire 0");
    const ListComparison same = compare(ours, ours);
    EXPECT_EQ(same.identical, same.total);
    EXPECT_GT(same.total, 11U * 5U); // orders by types, per-CPU lists, counters, pageblocks
    const ListComparison order =
        compare(ours, snapshot("1010 1020", "high 100 batch 7 free_factor 0 expire 0"));
    EXPECT_EQ(order.identical + 1, order.total);
    ASSERT_EQ(order.differences.size(), 1U);
    EXPECT_NE(order.differences[0].find("the same in another order"), std::string::npos);
    const ListComparison counters =
        compare(ours, snapshot("1020 1010", "high 100 batch 7 free_factor 1 expire 0"));
    EXPECT_EQ(counters.identical + 1, counters.total);
}

} // namespace
} // namespace pagewalk::os
