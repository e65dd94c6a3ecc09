#include "os/kernel/boot.h"
#include "os/page/boot.h"
#include "os/path/slab_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Pages : testing::Test {
    BootLayout layout = lay_out_kernel(pc_memory_map({256ULL << 20, 256ULL << 20}, 2), PagingLevels::Four);
    std::unique_ptr<PageAllocator> allocator = boot_page_allocator(layout.map);
    KernelCounters counters;
    FrameAllocator frames{*allocator, layout.addresses, counters, InitOnAlloc::On};
    SlabPages pages{frames};
    Slub slub{pages, SlubConfig{}};
    SlabPathWriter writer{slub};
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};

    void SetUp() override { pages.attach(writer, slub.trace()); }
};

TEST_F(Pages, AreAllocationsOfTheOperationForKernelObjects) {
    const FrameAllocator::Scope serving(frames, op);
    const auto frame = pages.allocate({gfp::kernel, 2, CpuId{}, any_node});
    ASSERT_TRUE(frame.has_value());
    ASSERT_EQ(log.allocations.size(), 1U);
    EXPECT_EQ(log.allocations[0].event.purpose, AllocationPurpose::KernelObject);
    EXPECT_EQ(log.allocations[0].event.order, 2);
    EXPECT_FALSE(path.steps().empty());
    EXPECT_EQ(pages.unreclaimable(), 4U);
    pages.free(*frame, 2, CpuId{});
    EXPECT_EQ(pages.unreclaimable(), 0U);
}

TEST_F(Pages, OfReclaimableCachesAreCountedApart) {
    const FrameAllocator::Scope serving(frames, op);
    const auto frame = pages.allocate({gfp::kernel | gfp::reclaimable, 0, CpuId{}, any_node});
    EXPECT_EQ(pages.reclaimable(), 1U);
    EXPECT_EQ(pages.unreclaimable(), 0U);
    pages.free(*frame, 0, CpuId{});
    EXPECT_EQ(pages.reclaimable(), 0U);
}

TEST_F(Pages, ComeFromTheNodeThatIsAskedFor) {
    const FrameAllocator::Scope serving(frames, op);
    for (const NodeId node : {NodeId{1}, NodeId{0}}) {
        const auto frame = pages.allocate({gfp::kernel | gfp::thisnode, 0, CpuId{}, node});
        ASSERT_TRUE(frame.has_value());
        EXPECT_EQ(pages.node_of(*frame), node);
    }
}

TEST_F(Pages, BelongToTheInnermostOperationThatIsServed) {
    KernelPath inner_path;
    PathLog inner_log;
    Operation inner{.path = {inner_path, costs, KernelTiming::On}, .log = inner_log};
    const FrameAllocator::Scope serving(frames, op);
    {
        const FrameAllocator::Scope nested(frames, inner);
        (void)pages.allocate({gfp::kernel, 0, CpuId{}, any_node});
    }
    EXPECT_EQ(inner_log.allocations.size(), 1U);
    EXPECT_TRUE(log.allocations.empty());
    (void)pages.allocate({gfp::kernel, 0, CpuId{}, any_node});
    EXPECT_EQ(log.allocations.size(), 1U);
}

TEST_F(Pages, OfASuspendedOperationAreItsAgainWhenItGoesOn) {
    KernelPath other_path;
    PathLog other_log;
    Operation other{.path = {other_path, costs, KernelTiming::On}, .log = other_log};
    const FrameAllocator::Scope serving(frames, op);
    FrameAllocator::Scope* const suspended = frames.suspend();
    EXPECT_FALSE(frames.slow_path_operation().path.timed());
    {
        const FrameAllocator::Scope nested(frames, other);
        (void)pages.allocate({gfp::kernel, 0, CpuId{}, any_node});
    }
    frames.resume(suspended);
    EXPECT_EQ(&frames.served(), &op);
    EXPECT_EQ(other_log.allocations.size(), 1U);
    EXPECT_TRUE(log.allocations.empty());
}

TEST_F(Pages, FollowTheStepsRecordedBefore) {
    const FrameAllocator::Scope serving(frames, op);
    slub.trace().record(true);
    slub.trace().store(VirtAddr(0xffff888000001000));
    (void)pages.allocate({gfp::kernel, 0, CpuId{}, any_node});
    ASSERT_FALSE(path.steps().empty());
    EXPECT_EQ(path.steps().front().kind, StepKind::Store);
    EXPECT_TRUE(slub.trace().steps().empty());
}

} // namespace
} // namespace pagewalk::os
