#include "os/slab/slab_trace.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(SlabTrace, NamesEveryPathDifferently) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < slab_path_count; ++i) names.insert(name_of(static_cast<SlabPath>(i)));
    EXPECT_EQ(names.size(), slab_path_count);
    EXPECT_EQ(name_of(SlabPath::AllocNewSlab), "alloc_new_slab");
    EXPECT_EQ(name_of(SlabPath::FreeDeferred), "free_deferred");
    EXPECT_EQ(name_of(SlabPath::Failed), "failed");
}

TEST(SlabTrace, TellsAllocationsFromFrees) {
    EXPECT_TRUE(allocates(SlabPath::AllocPages));
    EXPECT_FALSE(allocates(SlabPath::FreeFast));
    EXPECT_FALSE(allocates(SlabPath::FreePages));
}

TEST(SlabTrace, CountsLocksWhetherOrNotStepsAreRecorded) {
    SlabTrace trace;
    trace.lock(VirtAddr(64));
    trace.unlock(VirtAddr(64));
    EXPECT_TRUE(trace.steps().empty());
    EXPECT_EQ(trace.list_lock_acquisitions, 1U);
    trace.record(true);
    trace.lock(VirtAddr(64));
    EXPECT_EQ(trace.steps().size(), 1U);
    EXPECT_EQ(trace.list_lock_acquisitions, 2U);
}

TEST(SlabTrace, KeepsItsStepsWhenAnotherOperationBegins) {
    SlabTrace trace;
    trace.record(true);
    trace.begin(SlabPath::AllocRefill);
    trace.work(AllocatorWork::AllocSlow);
    trace.begin(SlabPath::AllocFast);
    EXPECT_EQ(trace.steps().size(), 1U);
    EXPECT_EQ(trace.path, SlabPath::AllocFast);
}

} // namespace
} // namespace pagewalk::os
