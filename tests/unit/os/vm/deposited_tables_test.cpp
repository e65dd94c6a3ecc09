#include "os/vm/deposited_tables.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(DepositedTables, GiveTheNewestFirstThenTheOldest) {
    DepositedTables tables;
    const Pfn upper(100);
    for (std::uint64_t table = 1; table <= 4; ++table) tables.add(upper, Pfn(table));
    EXPECT_EQ(tables.take(upper), Pfn(4));
    EXPECT_EQ(tables.take(upper), Pfn(1));
    tables.add(upper, Pfn(5));
    EXPECT_EQ(tables.take(upper), Pfn(5));
    EXPECT_EQ(tables.take(upper), Pfn(3));
    EXPECT_EQ(tables.take(upper), Pfn(2));
    EXPECT_EQ(tables.count(), 0U);
}

TEST(DepositedTables, KeepTheTablesOfEachLevel2TableApart) {
    DepositedTables tables;
    tables.add(Pfn(100), Pfn(1));
    tables.add(Pfn(200), Pfn(2));
    EXPECT_EQ(tables.count(), 2U);
    EXPECT_EQ(tables.take(Pfn(100)), Pfn(1));
    EXPECT_EQ(tables.take(Pfn(200)), Pfn(2));
}

} // namespace
} // namespace pagewalk::os
