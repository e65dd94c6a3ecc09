#include "os/vmalloc/vmalloc_tables.h"
#include "tests/support/vmalloc_machine.h"

#include <numeric>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;
constexpr VirtAddr base = vmalloc_layout::start;

class VmallocTablesTest : public testing::Test {
protected:
    static std::vector<Pfn> frames(std::uint64_t first, std::size_t count) {
        std::vector<Pfn> list(count);
        for (std::size_t i = 0; i < count; ++i) list[i] = Pfn(first + 3 * i);
        return list;
    }
    void map(VirtAddr at, std::size_t pages) {
        ASSERT_EQ(tables.map_pages(at, frames(1000, pages), kernel_protection::data, 0, CpuId{}),
                  MapResult::Mapped);
    }

    VmallocMachine machine{vmalloc_memory(64 * mib)};
    VmallocTrace trace;
    Pfn root = add_root();
    VmallocTables tables{machine.memory, machine.pages, root, 4, trace};

private:
    Pfn add_root() {
        const Pfn frame = *machine.pages.allocate({.gfp = gfp::kernel});
        machine.memory.add(frame);
        return frame;
    }
};

TEST_F(VmallocTablesTest, WritesKernelEntriesThatTheWalkerReads) {
    map(base + 0x5000, 3);
    Pfn table = root;
    for (unsigned level = 4; level > 1; --level)
        table = machine.memory.table(table)[table_index(base + 0x5000, level)].frame();
    const PageTableEntry entry = machine.memory.table(table)[5];
    EXPECT_EQ(entry.frame(), Pfn(1000));
    EXPECT_EQ(entry.raw() & ~0x000ffffffffff000ULL, 0x8000000000000163ULL); // PAGE_KERNEL
    EXPECT_EQ(tables.frame_at(base + 0x7abc), Pfn(1006));
    EXPECT_FALSE(tables.frame_at(base + 0x8000));
    EXPECT_EQ(tables.level_at(base + 0x5000), 1u);
}

TEST_F(VmallocTablesTest, KeepsItsTablesWhenPagesAreUnmapped) {
    map(base, 600);
    EXPECT_EQ(tables.tables(), 4u); // one for each upper level, two of level 1
    tables.unmap(base, base + 601 * page_size);
    EXPECT_FALSE(tables.frame_at(base));
    EXPECT_FALSE(tables.frame_at(base + 599 * page_size));
    EXPECT_EQ(tables.tables(), 4u);
    trace.begin();
    map(base, 600);
    EXPECT_EQ(trace.summary().tables_added, 0u);
}

TEST_F(VmallocTablesTest, CountsEntriesALineAtATime) {
    map(base, 1);
    trace.begin();
    map(base + 6 * page_size, 12);       // entries 6 to 17: lines 0, 1 and 2
    EXPECT_EQ(trace.steps().size(), 6u); // three lines, each with its work and its store
    EXPECT_EQ(trace.times(AllocatorWork::WriteEntry), 12u);
}

TEST_F(VmallocTablesTest, FillsTheTopLevelForEveryAddressSpace) {
    ASSERT_EQ(tables.preallocate(vmalloc_layout::start, vmalloc_layout::limit, CpuId{}), MapResult::Mapped);
    EXPECT_EQ(tables.tables(), 64u); // 32 TiB by 512 GiB
    const auto& top = machine.memory.table(root);
    EXPECT_EQ(std::ranges::count_if(top, &PageTableEntry::present), 64);
    EXPECT_TRUE(top[table_index(vmalloc_layout::limit, 4)].present());
}

TEST_F(VmallocTablesTest, MapsDevicesWithTheLargestEntriesThatFit) {
    const VirtAddr start = base + gib;
    ASSERT_EQ(tables.map_range(start, start + gib + 2 * mib + page_size, PhysAddr(4 * gib),
                               kernel_protection::uncached, 3, CpuId{}),
              MapResult::Mapped);
    EXPECT_EQ(tables.level_at(start), 3u);
    EXPECT_EQ(tables.level_at(start + gib), 2u);
    EXPECT_EQ(tables.level_at(start + gib + 2 * mib), 1u);
    EXPECT_EQ(tables.frame_at(start + 123 * page_size), Pfn(4 * gib / page_size + 123));
    tables.unmap(start, start + gib + 2 * mib + 2 * page_size);
    EXPECT_EQ(tables.level_at(start), 0u);
    EXPECT_EQ(tables.level_at(start + gib), 0u);
}

TEST_F(VmallocTablesTest, UsesSmallEntriesWhereThePhysicalAddressIsNotAligned) {
    ASSERT_EQ(tables.map_range(base, base + 2 * mib, PhysAddr(gib + page_size), kernel_protection::uncached,
                               3, CpuId{}),
              MapResult::Mapped);
    EXPECT_EQ(tables.level_at(base), 1u);
}

TEST_F(VmallocTablesTest, FreesALeftOverTableForA2MibEntry) {
    map(base, 1);
    tables.unmap(base, base + page_size);
    EXPECT_EQ(tables.tables(), 3u);
    trace.begin();
    std::vector<Pfn> block(512);
    for (std::size_t i = 0; i < 512; ++i) block[i] = Pfn(512 * 7 + i);
    ASSERT_EQ(tables.map_pages(base, block, kernel_protection::data, 9, CpuId{}), MapResult::Mapped);
    EXPECT_EQ(tables.level_at(base), 2u);
    EXPECT_EQ(tables.frame_at(base + 5 * page_size), Pfn(512 * 7 + 5));
    EXPECT_EQ(tables.tables(), 2u);
    EXPECT_EQ(trace.summary().tables_dropped, 1u);
    EXPECT_EQ(trace.summary().flushes, 1u);
}

TEST_F(VmallocTablesTest, FreesTwoLevelsForA1GibEntry) {
    map(base, 1);
    map(base + 2 * mib, 1);
    tables.unmap(base, base + 4 * mib);
    EXPECT_EQ(tables.tables(), 4u);
    ASSERT_EQ(tables.map_range(base, base + gib, PhysAddr(gib), kernel_protection::uncached, 3, CpuId{}),
              MapResult::Mapped);
    EXPECT_EQ(tables.tables(), 1u);
    EXPECT_EQ(tables.level_at(base + 100 * mib), 3u);
}

} // namespace
} // namespace pagewalk::os
