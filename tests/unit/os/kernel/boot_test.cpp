#include "base/error.h"
#include "contract/kernel_layout.h"
#include "os/kernel/boot.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t gib = 1ULL << 30;

/// Where the tables lead, as a page walker finds it; no_pfn where nothing is mapped.
Pfn translate(PageTableMemory& tables, Pfn root, VirtAddr address, unsigned levels, unsigned& leaf_level) {
    Pfn table = root;
    for (unsigned level = levels; level >= 1; --level) {
        const PageTableEntry entry = tables.table(table)[table_index(address, level)];
        if (!entry.present()) return no_pfn;
        if (level == 1 || entry.has(PageTableEntry::Huge)) {
            leaf_level = level;
            return entry.frame() + ((address.value() & (level_span(level) - 1)) >> page_shift);
        }
        table = entry.frame();
    }
    return no_pfn;
}

TEST(PcMemoryMap, MovesWhatTheHoleBelowFourGigabytesCovers) {
    const MemoryMap map = pc_memory_map({4 * gib}, 2);
    ASSERT_EQ(map.usable.size(), 3U);
    EXPECT_EQ(map.usable[0], (PhysRange{PhysAddr(0x1000), PhysAddr(0x9f000)}));
    EXPECT_EQ(map.usable[1], (PhysRange{PhysAddr(1 << 20), PhysAddr(3 * gib)}));
    EXPECT_EQ(map.usable[2], (PhysRange{PhysAddr(4 * gib), PhysAddr(5 * gib)}));
}

TEST(PcMemoryMap, KeepsTheFirmwaresTablesAtTheEndOfLowMemory) {
    const MemoryMap map = pc_memory_map({4 * gib}, 2, {Firmware::Pc, 140 * 1024});
    ASSERT_EQ(map.usable.size(), 3U);
    EXPECT_EQ(map.usable[0], (PhysRange{PhysAddr(0x1000), PhysAddr(0x9fc00)}));
    EXPECT_EQ(map.usable[1], (PhysRange{PhysAddr(1 << 20), PhysAddr(0xbffdd000)}));
    EXPECT_EQ(map.usable[2], (PhysRange{PhysAddr(4 * gib), PhysAddr(5 * gib)}));
}

TEST(PcMemoryMap, TheFirmwaresFirstMegabyteIsKeptBack) {
    const MemoryMap map = pc_memory_map({gib}, 1, {Firmware::Pc, 0});
    ASSERT_EQ(map.reserved.size(), 1U);
    EXPECT_EQ(map.reserved[0], (PhysRange{PhysAddr(0), PhysAddr(1 << 20)}));
}

TEST(PcMemoryMap, SplitsMemoryFromThreeAndAHalfGigabytesOn) {
    const std::uint64_t half = gib / 2;
    EXPECT_EQ(pc_memory_map({3 * gib}, 1, {Firmware::Pc, 0}).usable.back().end, PhysAddr(3 * gib));
    EXPECT_EQ(pc_memory_map({3 * gib + half - (2 << 20)}, 1, {Firmware::Pc, 0}).usable.back().end,
              PhysAddr(3 * gib + half - (2 << 20)));
    EXPECT_EQ(pc_memory_map({3 * gib + half}, 1, {Firmware::Pc, 0}).usable.back().end,
              PhysAddr(4 * gib + half));
}

TEST(PcMemoryMap, RefusesTablesThatDoNotFit) {
    EXPECT_THROW((void)pc_memory_map({16ULL << 20}, 1, {Firmware::Pc, 16ULL << 20}), ConfigError);
}

TEST(PcMemoryMap, LetsNodesBeWithoutCpus) {
    const MemoryMap map = pc_memory_map({gib, gib}, 1);
    EXPECT_EQ(map.cpus[CpuId{0}], NodeId{0});
    EXPECT_EQ(map.node_count(), 2U);
}

TEST(PcMemoryMap, GivesMemoryOnlyNodesNoCpus) {
    const MemoryMap map = pc_memory_map({gib, gib, gib}, 4, {}, 1);
    EXPECT_EQ(map.cpus[CpuId{1}], NodeId{0});
    EXPECT_EQ(map.cpus[CpuId{3}], NodeId{1});
    EXPECT_EQ(map.node_count(), 3U);
}

TEST(PcMemoryMap, DealsCpusToNodesInRuns) {
    const MemoryMap map = pc_memory_map({gib, gib}, 4);
    EXPECT_EQ(map.cpus[CpuId{1}], NodeId{0});
    EXPECT_EQ(map.cpus[CpuId{2}], NodeId{1});
    EXPECT_EQ(map.node_count(), 2U);
}

TEST(Boot, MapsAllMemoryAndItsDescriptors) {
    for (const PagingLevels levels : {PagingLevels::Four, PagingLevels::Five}) {
        PageTableMemory tables;
        BootLayout layout = lay_out_kernel(pc_memory_map({2 * gib, 4 * gib}, 4), levels);
        build_kernel_tables(layout, tables, levels);
        const Pfn root = layout.addresses.root;
        const auto depth = static_cast<unsigned>(levels);
        unsigned leaf = 0;
        for (const std::uint64_t at :
             std::array<std::uint64_t, 4>{0x1000, 0x12345000, 5 * gib, 7 * gib - page_size}) {
            EXPECT_EQ(translate(tables, root, kernel_layout::direct_map(PhysAddr(at)), depth, leaf),
                      pfn_of(PhysAddr(at)));
            EXPECT_EQ(leaf, at < gib ? 2U : 3U);
            const Pfn backing =
                translate(tables, root, kernel_layout::struct_page(pfn_of(PhysAddr(at))), depth, leaf);
            ASSERT_NE(backing, no_pfn) << at;
            EXPECT_EQ(leaf, 2U);
            // What describes memory must not be given away.
            EXPECT_TRUE(std::ranges::any_of(layout.map.reserved, [&](const PhysRange& range) {
                return range.begin <= address_of(backing) && address_of(backing) < range.end;
            }));
        }
        EXPECT_EQ(translate(tables, root, kernel_layout::text_base, depth, leaf), Pfn(0x1000));
        EXPECT_EQ(translate(tables, root, kernel_layout::direct_map(PhysAddr(64 * gib)), depth, leaf),
                  no_pfn);
    }
}

TEST(Boot, PutsDescriptorsOnTheNodeTheyDescribe) {
    const BootLayout layout = lay_out_kernel(pc_memory_map({2 * gib, 4 * gib}, 2), PagingLevels::Four);
    EXPECT_LT(layout.memmap[0].begin, PhysAddr(2 * gib));
    EXPECT_GE(layout.memmap.back().begin, PhysAddr(2 * gib));
    EXPECT_LT(layout.addresses.node_data[NodeId{0}], kernel_layout::direct_map(PhysAddr(2 * gib)));
    EXPECT_GE(layout.addresses.node_data[NodeId{1}], kernel_layout::direct_map(PhysAddr(2 * gib)));
}

TEST(Boot, KeepsTheKernelsDataOf32BitsInLowMemory) {
    MemoryMap map = pc_memory_map({2 * gib}, 1);
    map.layout = ZoneLayout::I386;
    const BootLayout layout = lay_out_kernel(map, PagingLevels::Four);
    for (const PhysRange& range : layout.map.reserved) EXPECT_LE(range.end, PhysAddr(map.lowmem_bytes));
}

TEST(Boot, NamesTheKernelsImage) {
    const BootLayout layout = lay_out_kernel(pc_memory_map({gib}, 1), PagingLevels::Four);
    const auto code =
        std::ranges::find(layout.map.resources, std::string("Kernel code"), &PhysicalResource::name);
    ASSERT_NE(code, layout.map.resources.end());
    EXPECT_EQ(code->range, (PhysRange{PhysAddr(16 << 20), PhysAddr((16 << 20) + 14343 * 1024)}));
    EXPECT_EQ(layout.map.resources.back().name, "Kernel bss");
    EXPECT_LE(layout.map.resources.back().range.end, layout.map.reserved.front().end);
}

TEST(Boot, RefusesAMachineThatIsTooSmall) {
    EXPECT_THROW((void)lay_out_kernel(pc_memory_map({32ULL << 20}, 1), PagingLevels::Four), ConfigError);
    EXPECT_THROW((void)pc_memory_map({gib, 0}, 1), ConfigError);
}

} // namespace
} // namespace pagewalk::os
