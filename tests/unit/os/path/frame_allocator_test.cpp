#include "os/page/zone_tuning.h"
#include "os/path/frame_allocator.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Frames : testing::Test {
    test::TaskRig rig;
    FrameAllocator clearing{*rig.allocator, rig.addresses, rig.counters, InitOnAlloc::On};
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .task = TaskId{7}};

    static constexpr FrameAllocator::Request user{.mask = gfp::highuser_movable};
    [[nodiscard]] std::uint64_t bytes_cleared() const {
        std::uint64_t sum = 0;
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::ClearPages) sum += step.count;
        return sum;
    }
};

TEST_F(Frames, HaveOneReferenceAndAreRecorded) {
    const auto frame = rig.frames.allocate(op, user);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(rig.frames.pages().peek(*frame).refcount, 1U);
    ASSERT_EQ(log.allocations.size(), 1U);
    EXPECT_EQ(log.allocations[0].event.pfn, frame->value());
    EXPECT_EQ(log.allocations[0].event.purpose, AllocationPurpose::Anonymous);
    EXPECT_LT(log.allocations[0].begin, log.allocations[0].end);
}

TEST_F(Frames, AreClearedWhereTheRequestOrTheKernelSaysSo) {
    (void)rig.frames.allocate(op, user);
    EXPECT_EQ(bytes_cleared(), 0U);
    (void)rig.frames.allocate(op, {.mask = gfp::highuser_movable | gfp::zero});
    EXPECT_EQ(bytes_cleared(), page_size);
    (void)clearing.allocate(op, {.mask = gfp::highuser_movable, .order = 3});
    EXPECT_EQ(bytes_cleared(), 9 * page_size);
}

TEST_F(Frames, ComeFromABatchOfThePerCpuListAfterItsFirstRefill) {
    (void)rig.frames.allocate(op, user);
    const std::size_t first = path.steps().size();
    (void)rig.frames.allocate(op, user);
    EXPECT_EQ(log.allocations[0].event.source, AllocationSource::PcpRefill);
    EXPECT_EQ(log.allocations[1].event.source, AllocationSource::PcpHit);
    EXPECT_LT(path.steps().size() - first, first);
}

TEST_F(Frames, ThatFailAreRecordedToo) {
    while (rig.allocator->allocate({.mask = gfp::highuser_movable.without(gfp::reclaim)})) {
    }
    EXPECT_FALSE(rig.frames.allocate(op, user).has_value());
    ASSERT_FALSE(log.allocations.empty());
    EXPECT_EQ(log.allocations.back().event.source, AllocationSource::Failed);
    EXPECT_EQ(log.allocations.back().event.pfn, ~0ULL);
}

TEST_F(Frames, ComeFromTheReservesWhereNobodyCanWaitForMore) {
    set_watermarks(*rig.allocator, 1024);
    const AllocRequest without_reclaim{.mask = gfp::highuser_movable.without(gfp::reclaim)};
    while (rig.allocator->allocate(without_reclaim)) {
    }
    op.runs = false; // between two tasks
    ASSERT_TRUE(rig.frames.allocate(op, user).has_value());
    EXPECT_EQ(log.allocations.back().event.source, AllocationSource::Reserve);
}

TEST_F(Frames, AreCountedByPurposeAndWhenFreed) {
    const auto frame =
        rig.frames.allocate(op, {.mask = gfp::kernel, .order = 2, .purpose = AllocationPurpose::KernelStack});
    EXPECT_EQ(rig.counters.frames_for[static_cast<std::size_t>(AllocationPurpose::KernelStack)], 4U);
    rig.frames.free(op, *frame, 2);
    EXPECT_EQ(rig.counters.pgfree, 4U);
    EXPECT_FALSE(rig.frames.pages().peek(*frame).is(PageState::Allocated));
}

TEST_F(Frames, LeaveTheirLruListWhenTheyAreFreed) {
    const auto frame = rig.frames.allocate(op, user);
    rig.frames.pages().at(*frame).owner_flags = frame_flags::anonymous | frame_flags::swapbacked;
    rig.frames.lru().add(*frame);
    ASSERT_EQ(rig.counters.nr_lru_anon, 1U);
    rig.frames.free(op, *frame, 0);
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
}

TEST_F(Frames, AreServedForTheInnermostScopesOperation) {
    Operation inner{.path = {path, rig.costs, KernelTiming::On}, .log = log, .task = TaskId{8}};
    const FrameAllocator::Scope outer(rig.frames, op);
    {
        const FrameAllocator::Scope scope(rig.frames, inner);
        EXPECT_EQ(rig.frames.served().task, TaskId{8});
    }
    EXPECT_EQ(rig.frames.served().task, TaskId{7});
    FrameAllocator::Scope* const suspended = rig.frames.suspend(); // op waits: others are served
    const FrameAllocator::Scope other(rig.frames, inner);
    EXPECT_EQ(rig.frames.served().task, TaskId{8});
    rig.frames.resume(suspended);
    EXPECT_EQ(rig.frames.served().task, TaskId{7});
}

} // namespace
} // namespace pagewalk::os
