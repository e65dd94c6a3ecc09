#include "os/path/slab_path.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Writer : testing::Test {
    SimplePages pages;
    Slub slub{pages, SlubConfig{}};
    SlabPathWriter writer{slub};
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};
    SlubCache& cache = static_cast<SlubCache&>(**slub.create({"objects", 192, 0, {}, Constructor::No, 0, 0}));

    VirtAddr allocate(Operation& in) {
        writer.begin_allocation(in, &cache, ObjectCall::KmemCache);
        const VirtAddr object = *slub.allocate(cache, {});
        writer.end_allocation(in, &cache, object, 192, ClearObject::Yes);
        return object;
    }
};

TEST_F(Writer, KeepsTheOrderOfTheSteps) {
    const VirtAddr line(0xffff888000004000);
    slub.trace().record(true);
    slub.trace().work(AllocatorWork::GetPartial);
    slub.trace().lock(line);
    slub.trace().load(line + 64);
    slub.trace().store(line + 128);
    slub.trace().unlock(line);
    writer.flush(op);
    const auto steps = path.steps();
    ASSERT_EQ(steps.size(), 5U);
    EXPECT_EQ(steps[0].kind, StepKind::Execute);
    EXPECT_EQ(steps[0].count, costs[KernelFunction::GetPartialNode].instructions);
    EXPECT_EQ(steps[1].kind, StepKind::AcquireLock);
    EXPECT_EQ(steps[2].kind, StepKind::Load);
    EXPECT_EQ(steps[3].address, line + 128);
    EXPECT_EQ(steps[4].kind, StepKind::ReleaseLock);
}

TEST_F(Writer, RunsTheEntryBeforeTheSlowPath) {
    (void)allocate(op);
    ASSERT_GT(path.steps().size(), 3U);
    EXPECT_EQ(path.steps()[0].address, costs.text(KernelFunction::KmemCacheAlloc));
    std::size_t slow = 0, new_slab = 0;
    for (std::size_t i = 0; i < path.steps().size(); ++i) {
        if (path.steps()[i].address == costs.text(KernelFunction::SlabAllocSlow)) slow = i;
        if (path.steps()[i].address == costs.text(KernelFunction::AllocateSlab)) new_slab = i;
    }
    EXPECT_GT(slow, 0U);
    EXPECT_GT(new_slab, slow);
}

TEST_F(Writer, ClearsTheWholeObject) {
    const VirtAddr object = allocate(op);
    std::uint64_t cleared = 0;
    for (const KernelStep& step : path.steps())
        if (step.kind == StepKind::ClearPages) {
            EXPECT_GE(step.address, object);
            cleared += step.count;
        }
    EXPECT_EQ(cleared, 192U);
}

TEST_F(Writer, WritesNothingWithoutTiming) {
    Operation off{.path = {path, costs, KernelTiming::Off}, .log = log};
    const VirtAddr object = allocate(off);
    writer.begin_free(off, &cache, object, ObjectCall::KmemCache);
    slub.free(cache, object, CpuId{});
    writer.end_free(off, &cache, ObjectCall::KmemCache);
    EXPECT_TRUE(path.steps().empty());
    EXPECT_TRUE(slub.trace().steps().empty());
}

} // namespace
} // namespace pagewalk::os
