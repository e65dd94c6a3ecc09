#include "os/slab/kmalloc.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class KmallocTest : public testing::Test {
protected:
    VirtAddr take(std::uint64_t size, GfpMask mask = gfp::kernel) {
        return kmalloc.allocate(size, {.gfp = mask}).value();
    }
    std::string cache_of(VirtAddr object) { return slub.cache_of(object)->name; }

    SimplePages pages;
    Slub slub{pages, {}};
    Kmalloc kmalloc{slub, {}};
};

TEST_F(KmallocTest, ServesEachSizeFromItsClass) {
    EXPECT_EQ(cache_of(take(1)), "kmalloc-8");
    EXPECT_EQ(cache_of(take(8)), "kmalloc-8");
    EXPECT_EQ(cache_of(take(9)), "kmalloc-16");
    EXPECT_EQ(cache_of(take(65)), "kmalloc-96");
    EXPECT_EQ(cache_of(take(97)), "kmalloc-128");
    EXPECT_EQ(cache_of(take(129)), "kmalloc-192");
    EXPECT_EQ(cache_of(take(193)), "kmalloc-256");
    EXPECT_EQ(cache_of(take(1025)), "kmalloc-2k");
    EXPECT_EQ(cache_of(take(8192)), "kmalloc-8k");
    EXPECT_EQ(slub.cache_of(take(8193)), nullptr);
}

TEST_F(KmallocTest, ChoosesTheSetByTheMask) {
    EXPECT_EQ(cache_of(take(100, gfp::kernel_account)), "kmalloc-cg-128");
    EXPECT_EQ(cache_of(take(100, gfp::kernel | gfp::reclaimable)), "kmalloc-rcl-128");
    EXPECT_EQ(cache_of(take(100, gfp::kernel | gfp::dma_zone)), "dma-kmalloc-128");
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::dma_zone));
    EXPECT_EQ(cache_of(take(100, gfp::kernel_account | gfp::reclaimable)), "kmalloc-rcl-128");
}

TEST_F(KmallocTest, AtomicRequestsNeverAskThePageAllocatorToSleep) {
    take(100, gfp::atomic);
    EXPECT_FALSE(pages.requests.back().gfp.any(gfp::direct_reclaim));
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::high));
}

TEST_F(KmallocTest, AlignsPowersOfTwo) {
    for (std::uint64_t size = 8; size <= 8192; size *= 2)
        for (int i = 0; i < 20; ++i) EXPECT_EQ(take(size).value() % size, 0u) << size;
}

TEST_F(KmallocTest, SendsLargeRequestsToThePageAllocator) {
    const VirtAddr object = take(100000);
    EXPECT_EQ(pages.requests.back().order, 5u);
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::comp));
    EXPECT_EQ(kmalloc.usable_size(object), 131072u);
    EXPECT_EQ(kmalloc.large_pages(), 32u);
    kmalloc.free(object, CpuId{});
    EXPECT_EQ(kmalloc.large_pages(), 0u);
}

TEST_F(KmallocTest, ZeroBytesAreNothing) {
    EXPECT_EQ(take(0), Kmalloc::zero_size);
    kmalloc.free(Kmalloc::zero_size, CpuId{});
    kmalloc.free(VirtAddr{}, CpuId{});
    EXPECT_EQ(slub.reports().count(), 0u);
}

TEST_F(KmallocTest, RefusesMoreThanThePageAllocatorHas) {
    EXPECT_EQ(kmalloc.allocate(kmalloc_max_size + 1, {}).error(), SlabError::TooLarge);
    EXPECT_EQ(kmalloc.allocate(~0ULL, {}).error(), SlabError::TooLarge);
    EXPECT_EQ(slub.reports().kept().at(0).fault, SlabFault::RequestTooLarge);
    EXPECT_TRUE(kmalloc.allocate(kmalloc_max_size, {}).has_value());
}

TEST_F(KmallocTest, ReportsFreesOfForeignAddresses) {
    kmalloc.free(kernel_layout::direct_map_base + 0x123456, CpuId{});
    kmalloc.free(VirtAddr{0xffffc90000000000ULL}, CpuId{});
    ASSERT_EQ(slub.reports().kept().size(), 2u);
    EXPECT_EQ(slub.reports().kept()[0].fault, SlabFault::NotSlab);
}

TEST_F(KmallocTest, ReallocateStaysWhileThereIsRoom) {
    const VirtAddr object = take(65);
    EXPECT_EQ(kmalloc.reallocate(object, 96, {}).value(), object);
    const VirtAddr moved = kmalloc.reallocate(object, 97, {}).value();
    EXPECT_EQ(cache_of(moved), "kmalloc-128");
    EXPECT_EQ(take(65), object); // it was freed
    EXPECT_EQ(kmalloc.reallocate(moved, 0, {}).value(), Kmalloc::zero_size);
    EXPECT_EQ(slub.find("kmalloc-128")->live, 0u);
}

TEST_F(KmallocTest, FreeSensitiveClearsTheWholeObject) {
    EXPECT_EQ(kmalloc.free_sensitive(take(65), CpuId{}), 96u);
    EXPECT_EQ(kmalloc.free_sensitive(VirtAddr{}, CpuId{}), 0u);
}

class FakeVirtualMemory final : public VirtualMemorySource {
public:
    std::optional<VirtAddr> allocate(std::uint64_t bytes, const SlabRequest&) override {
        asked = bytes;
        return VirtAddr{0xffffc90000005000ULL};
    }
    void free(VirtAddr, CpuId) override { asked = 0; }
    bool owns(VirtAddr address) const override { return address >= kernel_layout::vmalloc_base; }
    std::uint64_t asked = 0;
};

TEST_F(KmallocTest, AllocateAnywhereFallsBackToVirtualMemory) {
    FakeVirtualMemory virtual_memory;
    EXPECT_NE(slub.cache_of(kmalloc.allocate_anywhere(5000, {}, &virtual_memory).value()), nullptr);
    pages.blocks_left = 0;
    const auto fallback = kmalloc.allocate_anywhere(100000, {}, &virtual_memory);
    EXPECT_EQ(virtual_memory.asked, 100000u);
    EXPECT_TRUE(pages.requests.back().gfp.any(gfp::noretry));
    kmalloc.free_anywhere(*fallback, CpuId{}, &virtual_memory);
    EXPECT_EQ(virtual_memory.asked, 0u);
    EXPECT_FALSE(kmalloc.allocate_anywhere(100000, {.gfp = gfp::atomic}, &virtual_memory));
}

TEST(KmallocOverSlab, StartsAt32BytesAndAligns96To128) {
    SimplePages pages;
    Slab slab(pages, {});
    Kmalloc kmalloc(slab, KmallocConfig::for_kind(KmallocConfig::Kind::Slab));
    EXPECT_EQ(slab.cache_of(kmalloc.allocate(8, {}).value())->name, "kmalloc-32");
    EXPECT_EQ(slab.find("kmalloc-96")->size, 128u);
    EXPECT_EQ(slab.find("kmalloc-192")->size, 192u);
}

TEST(KmallocOverSlab, CanHaveTheHistoricalSet) {
    SimplePages pages;
    Slab slab(pages, {});
    KmallocConfig config = KmallocConfig::for_kind(KmallocConfig::Kind::Slab);
    config.largest = 131072;
    Kmalloc kmalloc(slab, config);
    EXPECT_EQ(slab.cache_of(kmalloc.allocate(100000, {}).value())->name, "kmalloc-128k");
    EXPECT_EQ(slab.cache_of(kmalloc.allocate(131073, {}).value()), nullptr);
}

TEST(KmallocOverSlob, SendsOnlyPageSizesToThePageAllocator) {
    SimplePages pages;
    Slob slob(pages);
    Kmalloc kmalloc(slob, KmallocConfig::for_kind(KmallocConfig::Kind::Slob));
    EXPECT_EQ(kmalloc.allocate(4087, {}).value().page_offset(), 8u);
    const VirtAddr whole = kmalloc.allocate(4088, {}).value();
    EXPECT_EQ(whole.page_offset(), 0u);
    EXPECT_EQ(kmalloc.large_pages(), 1u);
    kmalloc.free(whole, CpuId{});
    kmalloc.free(whole, CpuId{});
    EXPECT_EQ(slob.reports().count(), 1u);
}

} // namespace
} // namespace pagewalk::os
