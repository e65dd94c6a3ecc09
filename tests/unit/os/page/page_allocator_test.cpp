#include "os/page/boot.h"
#include "os/page/page_allocator.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

MemoryMap small_machine() {
    MemoryMap map;
    map.usable = {{PhysAddr(0x1000), PhysAddr(0x9f000)}, {PhysAddr(mib), PhysAddr(512 * mib)}};
    map.reserved = {{PhysAddr(16 * mib), PhysAddr(48 * mib)}};
    map.transparent_hugepages = false;
    return map;
}

std::uint64_t free_frames(const PageAllocator& allocator) {
    std::int64_t sum = 0;
    for (const auto& zone : allocator.zones()) sum += zone->exact_free_pages() + zone->pcp_pages();
    return static_cast<std::uint64_t>(sum);
}

TEST(PageAllocator, GivesBackWhatItTook) {
    auto allocator = boot_page_allocator(small_machine());
    const std::uint64_t before = free_frames(*allocator);
    std::vector<Pfn> frames;
    for (int i = 0; i < 1000; ++i) {
        const auto frame = allocator->allocate({.mask = gfp::kernel});
        ASSERT_TRUE(frame.has_value());
        frames.push_back(*frame);
    }
    EXPECT_EQ(free_frames(*allocator), before - 1000);
    for (const Pfn frame : frames) EXPECT_TRUE(allocator->free(frame, 0, CpuId{0}).has_value());
    EXPECT_EQ(free_frames(*allocator), before);
}

TEST(PageAllocator, ReportsADoubleFree) {
    auto allocator = boot_page_allocator(small_machine());
    const auto frame = allocator->allocate({.mask = gfp::kernel});
    ASSERT_TRUE(frame.has_value());
    EXPECT_TRUE(allocator->free(*frame, 0, CpuId{0}).has_value());
    const auto again = allocator->free(*frame, 0, CpuId{0});
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error(), BadPage::AlreadyFree);
}

TEST(PageAllocator, RefusesAnOrderAboveTheLargestBlock) {
    auto allocator = boot_page_allocator(small_machine());
    const auto frame = allocator->allocate({.mask = gfp::kernel, .order = max_order});
    ASSERT_FALSE(frame.has_value());
    EXPECT_EQ(frame.error(), AllocError::OrderTooLarge);
}

} // namespace
} // namespace pagewalk::os
