#include "os/vmalloc/vmalloc_space.h"
#include "tests/support/vmalloc_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = kib * 1024;

/// Objects from a counter; knows how many are out.
class CountedObjects final : public VmallocObjects {
public:
    std::optional<VirtAddr> allocate_area(const SlabRequest&) override { return take(); }
    void free_area(VirtAddr, CpuId) override { --out; }
    std::optional<VirtAddr> allocate(std::uint64_t, const SlabRequest&) override { return take(); }
    void free(VirtAddr, CpuId) override { --out; }

    std::int64_t out = 0;
    std::uint64_t left = ~0ULL;

private:
    std::optional<VirtAddr> take() {
        if (left == 0) return std::nullopt;
        --left;
        ++out;
        return VirtAddr(0xffff888000000000ULL + 64 * m_next++);
    }
    std::uint64_t m_next = 0;
};

class VmapSpaceTest : public testing::Test {
protected:
    VmapArea& take(std::uint64_t size, std::uint64_t align = 1) {
        return *space.allocate({.size = size, .align = align}).value();
    }
    static VirtAddr at(std::uint64_t offset) { return vmalloc_layout::start + offset; }

    CountedObjects objects;
    VmallocTrace trace;
    VmapSpace space{objects, 2, trace};
};

TEST_F(VmapSpaceTest, PlacesAreasOneBehindTheOther) {
    EXPECT_EQ(take(0x5000).start, at(0));
    EXPECT_EQ(take(0x2000).start, at(0x5000));
    EXPECT_EQ(take(0x1000).start, at(0x7000));
}

TEST_F(VmapSpaceTest, FillsTheGapThatAlignmentLeaves) {
    EXPECT_EQ(take(0x5000, 16 * kib).start, at(0));
    EXPECT_EQ(take(0x5000, 16 * kib).start, at(0x8000)); // 0x5000 to 0x8000 stays free
    EXPECT_EQ(take(0x2000).start, at(0x5000));
    EXPECT_EQ(take(0x2000).start, at(0xd000)); // 0x7000 is one page only
    EXPECT_EQ(take(0x1000).start, at(0x7000));
}

TEST_F(VmapSpaceTest, ReusesNothingBeforeThePurge) {
    VmapArea& first = take(0x4000);
    take(0x1000);
    static_cast<void>(space.free_lazily(first, CpuId{}));
    EXPECT_EQ(take(0x4000).start, at(0x5000));
    space.purge_all(CpuId{});
    EXPECT_EQ(take(0x4000).start, at(0));
}

TEST_F(VmapSpaceTest, MergesFreedRangesWithTheirNeighbours) {
    std::vector<VmapArea*> areas;
    for (int i = 0; i < 5; ++i) areas.push_back(&take(0x1000));
    for (const std::size_t i : {1UL, 3UL, 2UL}) static_cast<void>(space.free_lazily(*areas[i], CpuId{}));
    EXPECT_EQ(space.lazy_areas().size(), 1u);
    space.purge_all(CpuId{});
    EXPECT_EQ(space.free_areas().size(), 3u); // below vmalloc, the hole, the rest
    EXPECT_EQ(take(0x3000).start, at(0x1000));
}

TEST_F(VmapSpaceTest, AsksForAPurgeBeyond32MibForEachBitOfTheCpuCount) {
    // Two CPUs: 2 bits, 64 MiB.
    EXPECT_EQ(space.lazy_max_pages(), 64 * mib / page_size);
    VmapArea& whole = take(64 * mib);
    VmapArea& more = take(page_size);
    EXPECT_EQ(space.free_lazily(whole, CpuId{}), VmapSpace::DrainDue::No);
    EXPECT_EQ(space.free_lazily(more, CpuId{}), VmapSpace::DrainDue::Yes);
}

TEST(VmapSpace, LetsMoreWaitOnLargerMachines) {
    CountedObjects objects;
    VmallocTrace trace;
    EXPECT_EQ(VmapSpace(objects, 1, trace).lazy_max_pages(), 32 * mib / page_size);
    EXPECT_EQ(VmapSpace(objects, 4, trace).lazy_max_pages(), 96 * mib / page_size);
    EXPECT_EQ(VmapSpace(objects, 64, trace).lazy_max_pages(), 224 * mib / page_size);
}

TEST_F(VmapSpaceTest, FlushesOnceFromTheFirstToTheLastRangeOfAPurge) {
    VmapArea& low = take(0x2000);
    take(0x1000);
    VmapArea& high = take(0x2000);
    static_cast<void>(space.free_lazily(high, CpuId{}));
    static_cast<void>(space.free_lazily(low, CpuId{}));
    trace.begin();
    space.purge_all(CpuId{});
    ASSERT_EQ(trace.summary().flushes, 1u);
    for (const TouchStep& step : trace.steps())
        if (step.kind == TouchStep::Kind::FlushTlb) {
            EXPECT_EQ(step.address, at(0));
            EXPECT_EQ(step.end, at(0x5000));
        }
    EXPECT_EQ(space.lazy_pages(), 0u);
    trace.begin();
    space.purge_all(CpuId{});
    EXPECT_EQ(trace.summary().flushes, 0u);
}

TEST_F(VmapSpaceTest, PurgesOnceWhenTheRangeIsFull) {
    const VirtAddr start = vmalloc_layout::modules_start;
    const VirtAddr limit = start + 0x4fff;
    const SpaceRequest request{.size = 0x4000, .start = start, .limit = limit};
    VmapArea* area = space.allocate(request).value();
    EXPECT_EQ(area->start, start);
    EXPECT_EQ(space.allocate(request).error(), SpaceError::NoSpace);
    static_cast<void>(space.free_lazily(*area, CpuId{}));
    EXPECT_EQ(space.allocate(request).value()->start, start);
    EXPECT_EQ(space.purges(), 1u);
}

TEST_F(VmapSpaceTest, NeverHandsOutTheLastPage) {
    const std::uint64_t all = vmalloc_layout::limit - vmalloc_layout::start + 1;
    EXPECT_EQ(space.allocate({.size = all}).error(), SpaceError::NoSpace);
    EXPECT_EQ(take(all - page_size).start, at(0));
}

TEST_F(VmapSpaceTest, KeepsOneSpareObjectForEachCpuThatSplits) {
    const std::int64_t before = objects.out;
    VmapArea& first = take(0x1000); // splits the whole: area and the part below
    EXPECT_EQ(objects.out, before + 2);
    VmapArea& second = take(0x1000); // area and a new spare
    EXPECT_EQ(objects.out, before + 4);
    static_cast<void>(space.free_lazily(second, CpuId{}));
    static_cast<void>(space.free_lazily(first, CpuId{}));
    EXPECT_EQ(objects.out, before + 3); // merged
    space.purge_all(CpuId{});
    EXPECT_EQ(space.free_areas().size(), 1u);
    EXPECT_EQ(objects.out, before + 1); // the spare
}

TEST_F(VmapSpaceTest, FailsWithoutAnObject) {
    take(0x1000);
    objects.left = 0;
    const std::int64_t before = objects.out;
    EXPECT_EQ(space.allocate({.size = 0x1000}).error(), SpaceError::NoObject);
    EXPECT_EQ(objects.out, before);
    objects.left = 1;
    EXPECT_TRUE(space.allocate({.size = 0x1000}).has_value()); // the left edge needs no second one
}

TEST_F(VmapSpaceTest, TakesTheFreeLockOnceAndTheBusyLockOnceForAnArea) {
    take(0x1000);
    trace.begin();
    take(0x1000);
    std::vector<VirtAddr> locks;
    for (const TouchStep& step : trace.steps())
        if (step.kind == TouchStep::Kind::Acquire) locks.push_back(step.address);
    const VmallocPlaces& places = trace.places();
    EXPECT_EQ(locks, (std::vector{places.lock(VmallocLock::Free), places.lock(VmallocLock::Busy)}));
}

} // namespace
} // namespace pagewalk::os
