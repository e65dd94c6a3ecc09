#include "os/slab/slob.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class SlobTest : public testing::Test {
protected:
    VirtAddr take(std::uint64_t size) { return slob.allocate_sized(size, {}).value(); }

    SimplePages pages;
    Slob slob{pages};
};

TEST_F(SlobTest, PutsAHeaderBeforeEachObject) {
    EXPECT_EQ(take(100).page_offset(), 8u);
    EXPECT_EQ(take(100).page_offset(), 8u + 112); // header and size, rounded to the alignment of the next
    EXPECT_EQ(pages.out.size(), 1u);
}

TEST_F(SlobTest, AlignsPowersOfTwoNaturally) {
    take(8);
    EXPECT_EQ(take(64).page_offset() % 64, 0u);
    EXPECT_EQ(take(256).page_offset() % 256, 0u);
    EXPECT_EQ(take(2048).page_offset(), 2048u);
}

TEST_F(SlobTest, KeepsThreeListsBySize) {
    const VirtAddr small = take(200);
    const VirtAddr medium = take(500);
    const VirtAddr large = take(1500);
    EXPECT_NE(small.page(), medium.page());
    EXPECT_NE(medium.page(), large.page());
    for (std::size_t list = 0; list < Slob::list_count; ++list) EXPECT_EQ(slob.list(list).size(), 1u);
    EXPECT_EQ(Slob::list_for(255), 0u);
    EXPECT_EQ(Slob::list_for(256), 1u);
    EXPECT_EQ(Slob::list_for(1023), 1u);
    EXPECT_EQ(Slob::list_for(1024), 2u);
}

TEST_F(SlobTest, MergesFreedBlocksWithTheirNeighbours) {
    const VirtAddr a = take(40);
    const VirtAddr b = take(40);
    const VirtAddr c = take(40);
    take(40);
    slob.free_sized(a, CpuId{});
    slob.free_sized(c, CpuId{});
    ASSERT_EQ(slob.list(0).front()->runs.size(), 3u);
    slob.free_sized(b, CpuId{});
    EXPECT_EQ(slob.list(0).front()->runs.size(), 2u);
    EXPECT_EQ(slob.list(0).front()->runs[0], (SlobRun{0, 72}));
}

TEST_F(SlobTest, GivesAnEmptyPageBack) {
    const VirtAddr a = take(100);
    const VirtAddr b = take(100);
    slob.free_sized(a, CpuId{});
    EXPECT_EQ(pages.out.size(), 1u);
    slob.free_sized(b, CpuId{});
    EXPECT_TRUE(pages.out.empty());
    EXPECT_TRUE(slob.list(0).empty());
}

TEST_F(SlobTest, SearchesOnFromWhereTheLastFitWas) {
    std::vector<VirtAddr> objects;
    for (int page = 0; page < 3; ++page) {
        objects.push_back(take(1784)); // two fill a page but for 512 bytes
        objects.push_back(take(1784));
    }
    ASSERT_EQ(slob.list(2).size(), 3u);
    const SlobPage* middle = slob.list(2).front()->list_next; // newest first
    slob.free_sized(objects[2], CpuId{});
    EXPECT_EQ(take(1784), objects[2]);
    EXPECT_EQ(slob.stats().rotations, 1u);
    EXPECT_EQ(slob.list(2).front(), middle);
    EXPECT_EQ(middle->list_next->frame,
              pagewalk::Pfn((objects[0] - kernel_layout::direct_map_base) >> page_shift));
}

TEST_F(SlobTest, ServesCachesFromTheSamePages) {
    CacheSpec spec;
    spec.name = "tiny";
    spec.size = 30;
    KmemCache& cache = **slob.create(spec);
    const VirtAddr sized = take(50);
    const VirtAddr object = slob.allocate(cache, {}).value();
    EXPECT_EQ(object.page(), sized.page());
    slob.free(cache, object, CpuId{});
    slob.free_sized(sized, CpuId{});
    EXPECT_TRUE(pages.out.empty());
    EXPECT_TRUE(slob.destroy(cache));
}

TEST_F(SlobTest, TakesPagesForLargeObjects) {
    CacheSpec spec;
    spec.name = "large";
    spec.size = 6000;
    KmemCache& cache = **slob.create(spec);
    const VirtAddr object = slob.allocate(cache, {}).value();
    EXPECT_EQ(pages.out.begin()->second, 1u);
    EXPECT_EQ(object.page_offset(), 0u);
    slob.free(cache, object, CpuId{});
    EXPECT_TRUE(pages.out.empty());
}

TEST_F(SlobTest, FreesRcuObjectsAfterAGracePeriod) {
    CacheSpec spec;
    spec.name = "rcu";
    spec.size = 64;
    spec.flags = slab_flag::typesafe_by_rcu;
    KmemCache& cache = **slob.create(spec);
    EXPECT_EQ(cache.size, 64u + 24);
    slob.free(cache, slob.allocate(cache, {}).value(), CpuId{});
    EXPECT_EQ(slob.waiting_for_grace_period(), 1u);
    EXPECT_EQ(cache.live, 1u);
    slob.grace_period_ended(CpuId{});
    EXPECT_EQ(cache.live, 0u);
    EXPECT_TRUE(pages.out.empty());
}

TEST_F(SlobTest, ReportsFreesOfWhatIsNotAllocated) {
    const VirtAddr a = take(100);
    take(100);
    slob.free_sized(a, CpuId{});
    slob.free_sized(a, CpuId{});
    slob.free_sized(a + 4, CpuId{});
    ASSERT_EQ(slob.reports().kept().size(), 2u);
    EXPECT_EQ(slob.reports().kept()[0].fault, SlabFault::DoubleFree);
    EXPECT_EQ(slob.reports().kept()[1].fault, SlabFault::InvalidPointer);
    EXPECT_FALSE(slob.free_sized(VirtAddr{0x3000}, CpuId{}));
}

} // namespace
} // namespace pagewalk::os
