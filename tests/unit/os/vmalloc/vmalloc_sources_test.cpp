#include "tests/support/vmalloc_machine.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

TEST(AllocatorVmallocPages, FillsArraysAndSplitsBlocks) {
    VmallocMachine machine(vmalloc_memory(64 * mib));
    std::array<Pfn, 100> frames;
    EXPECT_EQ(machine.pages.allocate_bulk({.gfp = gfp::kernel}, frames), 100u);
    EXPECT_EQ(std::set<Pfn>(frames.begin(), frames.end()).size(), 100u);
    for (const Pfn frame : frames) machine.pages.free(frame, 0, CpuId{});
    const Pfn block = *machine.pages.allocate({.gfp = gfp::kernel, .order = 9});
    machine.pages.split(block, 9);
    for (std::uint64_t i = 0; i < 512; ++i) machine.pages.free(block + i, 0, CpuId{});
}

TEST(SlabVmallocObjects, ComeFromTheCacheVmapArea) {
    VmallocMachine machine(vmalloc_memory(64 * mib));
    const VirtAddr object = *machine.objects.allocate_area({});
    EXPECT_EQ(machine.slub.cache_of(object)->name, "vmap_area");
    EXPECT_EQ(machine.slub.cache_of(object)->size, 64u); // slabinfo of Debian 6.1
    machine.objects.free_area(object, CpuId{});
    const VirtAddr list = *machine.objects.allocate(96, {});
    EXPECT_EQ(machine.slub.cache_of(list)->name, "kmalloc-96");
    machine.objects.free(list, CpuId{});
    EXPECT_EQ(machine.slub.reports().count(), 0u);
}

} // namespace
} // namespace pagewalk::os
