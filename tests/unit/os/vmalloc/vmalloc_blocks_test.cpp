#include "tests/support/vmalloc_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

class VmapBlocksTest : public testing::Test {
protected:
    VirtAddr map(std::size_t pages, CpuId cpu = CpuId{}) {
        return machine.vmalloc.map_ram(std::vector<Pfn>(pages, Pfn(5)), NodeId{}, cpu).value();
    }
    void unmap(VirtAddr address, std::size_t pages) { machine.vmalloc.unmap_ram(address, pages, CpuId{}); }
    const VmapBlocks& blocks() const { return machine.vmalloc.blocks(); }

    VmallocMachine machine{vmalloc_memory(64 * mib, 2)};
};

TEST(VmapBlocks, AreSizedByTheCpusTheKernelWasBuiltFor) {
    const auto pages = [](std::size_t configured) {
        return VmallocMachine(vmalloc_memory(64 * mib), {.configured_cpus = configured})
            .vmalloc.blocks()
            .block_pages();
    };
    EXPECT_EQ(pages(8192), 256u);
    EXPECT_EQ(pages(64), 1024u);
    EXPECT_EQ(pages(3000), 512u); // as 4096
    EXPECT_EQ(pages(1 << 20), 128u);
}

TEST_F(VmapBlocksTest, HandOutPiecesInPowersOfTwo) {
    const VirtAddr first = map(3);
    EXPECT_EQ(first, vmalloc_layout::start);
    EXPECT_EQ(map(1), first + 4 * page_size);
    EXPECT_EQ(map(5), first + 5 * page_size);
    EXPECT_EQ(map(1), first + 13 * page_size);
    EXPECT_EQ(blocks().count(), 1u);
    EXPECT_EQ(blocks().find(first)->free, 256u - 14u);
    EXPECT_EQ(machine.vmalloc.tables().frame_at(first + 2 * page_size), Pfn(5));
    EXPECT_FALSE(machine.vmalloc.tables().frame_at(first + 3 * page_size));
}

TEST_F(VmapBlocksTest, BelongToOneCpuEach) {
    EXPECT_EQ(map(1, CpuId{0}), vmalloc_layout::start);
    EXPECT_EQ(map(1, CpuId{1}), vmalloc_layout::start + mib);
    EXPECT_EQ(map(1, CpuId{0}), vmalloc_layout::start + page_size);
}

TEST_F(VmapBlocksTest, NeverReuseAPieceBeforeTheWholeBlockGoes) {
    const VirtAddr first = map(64);
    unmap(first, 64);
    for (std::uint64_t i = 1; i < 4; ++i) EXPECT_EQ(map(64), first + i * 64 * page_size);
    for (std::uint64_t i = 1; i < 4; ++i) unmap(first + i * 64 * page_size, 64);
    EXPECT_EQ(blocks().count(), 0u);
    EXPECT_EQ(machine.vmalloc.space().lazy_pages(), 256u);
    EXPECT_EQ(map(64), first + mib);
}

TEST_F(VmapBlocksTest, OpenANewBlockWhenAPieceDoesNotFit) {
    for (int i = 0; i < 7; ++i) map(32);
    map(1); // 31 pages left
    EXPECT_EQ(map(32), vmalloc_layout::start + mib);
    EXPECT_EQ(map(16), vmalloc_layout::start + 225 * page_size); // the first block still serves
}

TEST_F(VmapBlocksTest, FragmentedOnesGoWithAPurge) {
    const VirtAddr used = map(8);
    const VirtAddr fragment = map(8, CpuId{1});
    unmap(fragment, 8);
    machine.vmalloc.unmap_aliases(CpuId{});
    EXPECT_EQ(blocks().count(), 1u); // the one in use stays
    EXPECT_NE(blocks().find(used), nullptr);
    EXPECT_EQ(map(8, CpuId{1}), fragment);
}

TEST_F(VmapBlocksTest, DirtyPartsAreFlushedWithTheAliases) {
    const VirtAddr first = map(8);
    map(8);
    const VirtAddr third = map(8);
    unmap(first, 8);
    unmap(third, 8);
    machine.vmalloc.unmap_aliases(CpuId{});
    const VmallocTrace& trace = machine.vmalloc.trace();
    ASSERT_EQ(trace.summary().flushes, 1u);
    for (const TouchStep& step : trace.steps())
        if (step.kind == TouchStep::Kind::FlushTlb) {
            EXPECT_EQ(step.address, first);
            EXPECT_EQ(step.end, third + 8 * page_size);
        }
    EXPECT_EQ(blocks().count(), 1u);
}

TEST_F(VmapBlocksTest, LeaveMoreThan64PagesToTheAddressSpace) {
    const VirtAddr large = map(65);
    EXPECT_EQ(blocks().count(), 0u);
    EXPECT_EQ(machine.vmalloc.space().busy_areas().size(), 1u);
    EXPECT_EQ(machine.vmalloc.space().busy_areas().first()->size(), 65 * page_size); // no guard page
    unmap(large, 65);
    EXPECT_TRUE(machine.vmalloc.space().busy_areas().empty());
}

} // namespace
} // namespace pagewalk::os
