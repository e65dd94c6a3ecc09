#include "contract/page_table.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(PageTableEntry, HoldsFrameAndFlagsApart) {
    const PageTableEntry entry(Pfn(0xabcde), PageTableEntry::Present | PageTableEntry::Writable |
                                                 PageTableEntry::NoExecute);
    EXPECT_EQ(entry.frame(), Pfn(0xabcde));
    EXPECT_TRUE(entry.has(PageTableEntry::NoExecute));
    EXPECT_FALSE(entry.without(PageTableEntry::Present).present());
    EXPECT_TRUE(entry.with(PageTableEntry::Dirty).has(PageTableEntry::Dirty));
}

TEST(PageTable, IndexesAndSpansByLevel) {
    const VirtAddr address(0x7f1234567890ULL);
    EXPECT_EQ(table_index(address, 1), (0x7f1234567890ULL >> 12) & 511);
    EXPECT_EQ(table_index(address, 4), (0x7f1234567890ULL >> 39) & 511);
    EXPECT_EQ(level_span(2), 2ULL << 20);
    EXPECT_EQ(level_span(3), 1ULL << 30);
}

TEST(PageTableMemory, KeepsTablesByFrame) {
    PageTableMemory memory;
    memory.add(Pfn(5))[3] = PageTableEntry(Pfn(9), PageTableEntry::Present);
    memory.add(Pfn(1'000'000));
    EXPECT_EQ(memory.table(Pfn(5))[3].frame(), Pfn(9));
    EXPECT_EQ(memory.count(), 2U);
    memory.remove(Pfn(5));
    EXPECT_TRUE(memory.add(Pfn(5))[3].empty());
}

TEST(PageTableMemory, FindsTablesOnly) {
    PageTableMemory memory;
    memory.add(Pfn(5));
    EXPECT_EQ(memory.find(Pfn(5)), &memory.table(Pfn(5)));
    EXPECT_EQ(memory.find(Pfn(6)), nullptr);
    EXPECT_EQ(memory.find(Pfn(50'000'000)), nullptr);
    memory.remove(Pfn(5));
    EXPECT_EQ(memory.find(Pfn(5)), nullptr);
}
