#include "contract/kernel_layout.h"
#include "os/kernel/boot.h"
#include "os/kernel/object_cache.h"
#include "os/page/boot.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Objects : testing::Test {
    BootLayout layout = lay_out_kernel(pc_memory_map({256ULL << 20}, 1), PagingLevels::Four);
    std::unique_ptr<PageAllocator> allocator = boot_page_allocator(layout.map);
    KernelCounters counters;
    FrameAllocator frames{*allocator, layout.addresses, counters, InitOnAlloc::On};
    ObjectCaches caches{frames};
    CostTable costs;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, costs, KernelTiming::On}, .log = log};
};

TEST_F(Objects, LieSideBySideInTheirSlab) {
    const VirtAddr first = caches.allocate(op, ObjectKind::VmArea);
    const VirtAddr second = caches.allocate(op, ObjectKind::VmArea);
    EXPECT_EQ(second - first, 152U);
    EXPECT_EQ(caches.pages(), 1U);
    for (int i = 2; i < 27; ++i) (void)caches.allocate(op, ObjectKind::VmArea); // 26 a slab
    EXPECT_EQ(caches.pages(), 2U);
}

TEST_F(Objects, AreHandedOutLastInFirstOut) {
    const VirtAddr first = caches.allocate(op, ObjectKind::Mm);
    (void)caches.allocate(op, ObjectKind::Mm);
    caches.free(op, ObjectKind::Mm, first);
    EXPECT_EQ(caches.allocate(op, ObjectKind::Mm), first);
}

TEST_F(Objects, GiveEmptySlabsBackBeyondAFew) {
    std::vector<VirtAddr> objects;
    for (int i = 0; i < 64 * 20; ++i) objects.push_back(caches.allocate(op, ObjectKind::AnonVmaChain));
    EXPECT_EQ(std::set<VirtAddr>(objects.begin(), objects.end()).size(), objects.size());
    EXPECT_EQ(caches.pages(), 20U);
    for (const VirtAddr object : objects) caches.free(op, ObjectKind::AnonVmaChain, object);
    EXPECT_EQ(caches.objects(ObjectKind::AnonVmaChain), 0U);
    EXPECT_LE(caches.pages(), 6U);
    EXPECT_GE(counters.pgfree, 14U);
}

TEST_F(Objects, ComeFromPagesOfTheDirectMap) {
    const VirtAddr task = caches.allocate(op, ObjectKind::Task);
    const Pfn frame = pfn_of(PhysAddr(task - kernel_layout::direct_map_base));
    EXPECT_TRUE(allocator->pages().peek(Pfn(frame.value() & ~7ULL)).is(PageState::Allocated));
    EXPECT_EQ(caches.pages(), 8U);
}

} // namespace
} // namespace pagewalk::os
