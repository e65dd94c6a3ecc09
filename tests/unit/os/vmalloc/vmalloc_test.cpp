#include "os/vmalloc/vmalloc.h"
#include "tests/support/vmalloc_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = kib * 1024;

class VmallocTest : public testing::Test {
protected:
    VirtAddr take(const VmallocRequest& request) { return machine.vmalloc.allocate(request).value(); }
    Vmalloc& vmalloc() { return machine.vmalloc; }
    static VirtAddr at(std::uint64_t offset) { return vmalloc_layout::start + offset; }

    VmallocMachine machine{vmalloc_memory(128 * mib, 2, 2)};
};

TEST_F(VmallocTest, AddsAGuardPageToEachArea) {
    EXPECT_EQ(take({.size = 1}), at(0));
    EXPECT_EQ(take({.size = 4097}), at(0x2000));
    EXPECT_EQ(take({.size = 4096}), at(0x5000));
    EXPECT_EQ(vmalloc().find(at(0x2000))->size, 0x3000u);
    EXPECT_FALSE(vmalloc().tables().frame_at(at(0x1000)));
    EXPECT_TRUE(vmalloc().tables().frame_at(at(0x2000)));
    EXPECT_FALSE(vmalloc().tables().frame_at(at(0x4000)));
}

TEST_F(VmallocTest, GivesNoGuardPageWhereNoneIsWanted) {
    EXPECT_EQ(take({.size = 4096, .flags = vm_flag::no_guard}), at(0));
    EXPECT_EQ(take({.size = 4096}), at(0x1000));
}

TEST_F(VmallocTest, TakesItsPagesInBatchesOfAHundred) {
    const VirtAddr area = take({.size = 250 * page_size});
    // The page array of 2000 bytes comes from kmalloc, page tables one by one.
    EXPECT_EQ(vmalloc().trace().summary().page_calls, 3u);
    EXPECT_EQ(vmalloc().trace().summary().pages_taken, 250u);
    const VirtAddr whole = take({.size = 200 * page_size});
    EXPECT_EQ(vmalloc().trace().summary().page_calls, 2u);
    vmalloc().free(whole, CpuId{});
    EXPECT_EQ(vmalloc().find(area)->pages.size(), 250u);
    EXPECT_EQ(vmalloc().pages(), 250u);
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().pages(), 0u);
}

TEST_F(VmallocTest, KeepsTheListOfALargeAreasPagesInVmalloc) {
    const VirtAddr area = take({.size = 513 * page_size});
    EXPECT_EQ(vmalloc().find(area)->page_array, area + 514 * page_size);
    EXPECT_EQ(vmalloc().space().busy_areas().size(), 2u);
    EXPECT_EQ(vmalloc().pages(), 513u + 2u);
    vmalloc().free(area, CpuId{});
    EXPECT_TRUE(vmalloc().space().busy_areas().empty());
    EXPECT_EQ(take({.size = 512 * page_size}), area + 517 * page_size); // nothing is reused before a purge
    EXPECT_EQ(vmalloc().space().busy_areas().size(), 1u);
}

TEST_F(VmallocTest, PrefersTheRequestedNode) {
    for (const NodeId node : {NodeId{0}, NodeId{1}}) {
        const VirtAddr area = take({.size = 20 * page_size, .node = node});
        for (const Pfn frame : vmalloc().find(area)->pages) EXPECT_EQ(machine.pages.node_of(frame), node);
    }
    const VirtAddr local = take({.size = page_size, .cpu = CpuId{1}});
    EXPECT_EQ(machine.pages.node_of(vmalloc().find(local)->pages[0]), NodeId{1});
}

TEST_F(VmallocTest, MapsLargeRequestsWith2MibEntriesWhereAllowed) {
    const VirtAddr area = take({.size = 5 * mib, .node = NodeId{0}, .flags = vm_flag::allow_huge});
    EXPECT_EQ(area.value() % (2 * mib), 0u);
    EXPECT_EQ(vmalloc().find(area)->usable(), 6 * mib); // whole 2 MiB pages
    EXPECT_EQ(vmalloc().tables().level_at(area + 5 * mib), 2u);
    EXPECT_EQ(vmalloc().find(area)->page_order, 9u);
    const VirtAddr small = take({.size = 5 * mib});
    EXPECT_EQ(vmalloc().tables().level_at(small), 1u);
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().tables().level_at(area), 0u);
}

TEST_F(VmallocTest, CountsTheSizeOfANodesShareForHugeMappings) {
    // Two nodes: 3 MiB are 1.5 MiB each.
    EXPECT_EQ(vmalloc().tables().level_at(take({.size = 3 * mib, .flags = vm_flag::allow_huge})), 1u);
    EXPECT_EQ(vmalloc().tables().level_at(take({.size = 4 * mib, .flags = vm_flag::allow_huge})), 2u);
}

TEST_F(VmallocTest, FallsBackToSmallPagesWhenMemoryIsFragmented) {
    std::vector<Pfn> held;
    while (const auto frame = machine.pages.allocate({.gfp = gfp::nowait | gfp::nowarn}))
        held.push_back(*frame);
    for (std::size_t i = 0; i < held.size(); i += 2) machine.pages.free(held[i], 0, CpuId{});
    const VirtAddr area = take({.size = 4 * mib, .flags = vm_flag::allow_huge});
    EXPECT_EQ(vmalloc().find(area)->page_order, 0u);
    EXPECT_EQ(vmalloc().find(area)->usable(), 4 * mib);
    EXPECT_EQ(vmalloc().tables().level_at(area), 1u);
    EXPECT_TRUE(vmalloc().reports().empty());
}

TEST(Vmalloc, MapsNothingHugeWithNohugevmalloc) {
    VmallocMachine machine(vmalloc_memory(64 * mib), {.huge_vmalloc = VmallocConfig::HugeMappings::Off});
    const auto area = machine.vmalloc.allocate({.size = 4 * mib, .flags = vm_flag::allow_huge});
    EXPECT_EQ(machine.vmalloc.tables().level_at(area.value()), 1u);
}

TEST_F(VmallocTest, PutsModulesIntoTheirOwnRange) {
    const VmallocRequest module{.size = 0xc000,
                                .flags = vm_flag::flush_reset_perms,
                                .protection = kernel_protection::executable,
                                .start = vmalloc_layout::modules_start,
                                .limit = vmalloc_layout::modules_limit};
    EXPECT_EQ(take(module), vmalloc_layout::modules_start);
    EXPECT_EQ(take(module), vmalloc_layout::modules_start + 0xd000);
}

TEST_F(VmallocTest, FlushesAtOnceWhereTheDirectMapWasChanged) {
    const VirtAddr area = take({.size = 2 * page_size, .flags = vm_flag::flush_reset_perms});
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().space().lazy_pages(), 0u);
    ASSERT_EQ(vmalloc().trace().summary().flushes, 1u);
    for (const TouchStep& step : vmalloc().trace().steps())
        if (step.kind == TouchStep::Kind::FlushTlb) {
            EXPECT_LT(step.address, kernel_layout::vmalloc_base); // from the direct map
            EXPECT_GE(step.end, area + 3 * page_size);
        }
    EXPECT_EQ(take({.size = 2 * page_size}), area);
}

TEST_F(VmallocTest, MapsFramesOfOthersAndLeavesThemAlone) {
    std::vector<Pfn> frames;
    for (int i = 0; i < 4; ++i) frames.push_back(*machine.pages.allocate({.gfp = gfp::kernel}));
    const VirtAddr area = vmalloc().map(frames, {.caller = "irq_init_percpu_irqstack+0xf0/0x120"}).value();
    EXPECT_EQ(vmalloc().tables().frame_at(area + 3 * page_size), frames[3]);
    EXPECT_EQ(vmalloc().pages(), 0u);
    vmalloc().unmap(area, CpuId{});
    EXPECT_FALSE(vmalloc().tables().frame_at(area));
    for (const Pfn frame : frames) machine.pages.free(frame, 0, CpuId{}); // still ours
}

TEST_F(VmallocTest, FreesMappedPagesThatWereHandedOver) {
    std::vector<Pfn> frames;
    for (int i = 0; i < 4; ++i) frames.push_back(*machine.pages.allocate({.gfp = gfp::kernel}));
    const VirtAddr area = vmalloc().map(frames, {.flags = vm_flag::map_put_pages}).value();
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().trace().summary().pages_freed, 4u);
    EXPECT_EQ(vmalloc().pages(), 0u);
}

TEST_F(VmallocTest, AlignsDeviceMappingsToTheirSize) {
    take({.size = 1});
    EXPECT_EQ(vmalloc().map_io(PhysAddr(0xfed00010), 8, {}).value(), at(0x2010));
    EXPECT_EQ(vmalloc().map_io(PhysAddr(0xfebf8000), 0x1800, {}).value(), at(0x4000)); // 2 pages
    EXPECT_EQ(vmalloc().map_io(PhysAddr(0xfe000000), 0x2001, {}).value(), at(0x8000)); // 3 pages, to 4
    vmalloc().unmap_io(at(0x2010), CpuId{});
    EXPECT_FALSE(vmalloc().tables().frame_at(at(0x2000)));
}

TEST_F(VmallocTest, PurgesOnceTooMuchWaits) {
    // Two CPUs: 64 MiB may wait. Each area counts with its guard page.
    std::vector<VirtAddr> areas;
    for (int i = 0; i < 9; ++i) areas.push_back(take({.size = 8 * mib - page_size}));
    for (int i = 0; i < 8; ++i) vmalloc().free(areas[i], CpuId{});
    // The arrays of 2047 pointers waited too: 8 areas are more than 64 MiB.
    EXPECT_EQ(vmalloc().space().purges(), 1u);
    EXPECT_EQ(vmalloc().space().lazy_pages(), 0u);
    EXPECT_TRUE(vmalloc().trace().summary().purge_wanted);
}

TEST(Vmalloc, LeavesThePurgeToTheWorkerWhereThereIsOne) {
    VmallocMachine machine(vmalloc_memory(64 * mib), {.drain = VmallocConfig::Drain::Later});
    // One CPU: 32 MiB.
    const VirtAddr area = machine.take(33 * mib);
    machine.vmalloc.free(area, CpuId{});
    EXPECT_TRUE(machine.vmalloc.drain_due());
    EXPECT_GT(machine.vmalloc.space().lazy_pages(), machine.vmalloc.space().lazy_max_pages());
    EXPECT_NE(machine.take(page_size), area);
    machine.vmalloc.drain(CpuId{});
    EXPECT_FALSE(machine.vmalloc.drain_due());
    EXPECT_EQ(machine.vmalloc.space().lazy_pages(), 0u);
    EXPECT_EQ(machine.take(page_size), area);
}

TEST_F(VmallocTest, ReportsWhatCannotBeHadInTheKernelsWords) {
    EXPECT_EQ(vmalloc().allocate({.size = 1ULL << 40}).error(), VmallocError::TooLarge);
    EXPECT_THAT(vmalloc().reports(),
                testing::ElementsAre("vmalloc error: size 1099511627776, exceeds total pages, "
                                     "mode:0xcc0(GFP_KERNEL), nodemask=(null)"));
    vmalloc().clear_reports();
    EXPECT_EQ(vmalloc().allocate({.size = 1ULL << 40, .gfp = gfp::kernel | gfp::nowarn}).error(),
              VmallocError::TooLarge);
    EXPECT_TRUE(vmalloc().reports().empty());
    EXPECT_EQ(vmalloc().allocate({.size = 0}).error(), VmallocError::ZeroSize);
}

TEST_F(VmallocTest, SaysWhenTheAddressRangeIsFull) {
    EXPECT_EQ(vmalloc()
                  .allocate({.size = 0x4000,
                             .start = vmalloc_layout::modules_start,
                             .limit = vmalloc_layout::modules_start + 0x3fff})
                  .error(),
              VmallocError::NoArea);
    EXPECT_THAT(vmalloc().reports(),
                testing::ElementsAre(
                    "vmap allocation for size 20480 failed: use vmalloc=<size> to increase size",
                    "vmalloc error: size 16384, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL), "
                    "nodemask=(null)"));
}

// The kernel marks the mask as silent before it takes pages, so that it says nothing here.
TEST_F(VmallocTest, ReturnsEverythingWhenPagesRunOut) {
    const VirtAddr area = take({.size = 150 * mib});
    const std::uint64_t pages = vmalloc().pages();
    EXPECT_EQ(vmalloc().allocate({.size = 150 * mib}).error(), VmallocError::NoPages);
    EXPECT_EQ(vmalloc().pages(), pages);
    EXPECT_TRUE(vmalloc().reports().empty());
    EXPECT_EQ(vmalloc().space().busy_areas().size(), 2u); // the first and its page array
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().allocate({.size = 150 * mib}).has_value(), true);
}

TEST_F(VmallocTest, ReportsBadFrees) {
    const VirtAddr area = take({.size = page_size});
    vmalloc().free(area + 8, CpuId{});
    vmalloc().free(area + 2 * page_size, CpuId{});
    vmalloc().free(VirtAddr{}, CpuId{});
    EXPECT_THAT(vmalloc().reports(),
                testing::ElementsAre("Trying to vfree() bad address (0xffffc90000000008)",
                                     "Trying to vfree() nonexistent vm area (0xffffc90000002000)"));
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().reports().size(), 2u);
    vmalloc().free(area, CpuId{});
    EXPECT_EQ(vmalloc().reports().size(), 3u);
}

TEST_F(VmallocTest, LocksInTheKernelsOrder) {
    const VirtAddr area = take({.size = page_size});
    const auto lock = [&](VmallocLock which) { return vmalloc().trace().places().lock(which); };
    std::vector<VirtAddr> locks;
    const auto note = [&] {
        locks.clear();
        for (const TouchStep& step : vmalloc().trace().steps())
            if (step.kind == TouchStep::Kind::Acquire) locks.push_back(step.address);
    };
    note(); // range, its place in the busy tree, its description
    EXPECT_THAT(locks, testing::ElementsAre(lock(VmallocLock::Free), lock(VmallocLock::Busy),
                                            lock(VmallocLock::Busy)));
    vmalloc().free(area, CpuId{});
    note(); // looked up, looked up to be removed, unlinked, queued
    EXPECT_THAT(locks, testing::ElementsAre(lock(VmallocLock::Busy), lock(VmallocLock::Busy),
                                            lock(VmallocLock::Busy), lock(VmallocLock::Lazy)));
}

} // namespace
} // namespace pagewalk::os
