#include "os/page/boot.h"
#include "os/slab/allocator_pages.h"
#include "os/slab/slab_config.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

std::unique_ptr<PageAllocator> small_machine() {
    MemoryMap map;
    map.usable = {{PhysAddr(0x1000), PhysAddr(0x9f000)}, {PhysAddr(mib), PhysAddr(64 * mib)}};
    map.transparent_hugepages = false;
    return boot_page_allocator(map);
}

std::int64_t free_frames(const PageAllocator& allocator) {
    std::int64_t sum = 0;
    for (const auto& zone : allocator.zones()) sum += zone->exact_free_pages() + zone->pcp_pages();
    return sum;
}

TEST(AllocatorPages, ServesObjectsFromTheSimulatedPageAllocator) {
    for (const auto kind : {ObjectAllocatorConfig::Kind::Slub, ObjectAllocatorConfig::Kind::Slab,
                            ObjectAllocatorConfig::Kind::Slob}) {
        const auto frames = small_machine();
        const std::int64_t before = free_frames(*frames);
        AllocatorPages pages(*frames);
        ObjectAllocatorConfig config;
        config.kind = kind;
        const auto objects = make_object_allocator(config, pages, 1);
        Kmalloc kmalloc(*objects, kmalloc_config(config));
        std::vector<VirtAddr> taken;
        for (std::uint64_t size = 1; size < 20000; size += 37)
            taken.push_back(kmalloc.allocate(size, {}).value());
        EXPECT_EQ(free_frames(*frames), before - static_cast<std::int64_t>(pages.frames()));
        for (const VirtAddr object : taken) kmalloc.free(object, CpuId{});
        for (const auto& cache : objects->caches()) objects->shrink(*cache, CpuId{});
        EXPECT_EQ(pages.frames(), 0u);
        EXPECT_EQ(free_frames(*frames), before);
        EXPECT_EQ(objects->reports().count(), 0u);
    }
}

TEST(AllocatorPages, TakesDmaObjectsFromTheDmaZone) {
    const auto frames = small_machine();
    AllocatorPages pages(*frames);
    const auto objects = make_object_allocator({}, pages, 1);
    Kmalloc kmalloc(*objects, {});
    const VirtAddr object = kmalloc.allocate(100, {.gfp = gfp::kernel | gfp::dma_zone}).value();
    EXPECT_LT(object - kernel_layout::direct_map_base, 16 * mib);
    EXPECT_EQ(frames->zone_of(Pfn((object - kernel_layout::direct_map_base) >> page_shift))->type,
              ZoneType::Dma);
}

TEST(AllocatorPages, RunsOutWithoutLosingAnything) {
    const auto frames = small_machine();
    const std::int64_t before = free_frames(*frames);
    AllocatorPages pages(*frames);
    const auto objects = make_object_allocator({}, pages, 1);
    Kmalloc kmalloc(*objects, {});
    std::vector<VirtAddr> taken;
    for (;;) {
        const auto object = kmalloc.allocate(4096, {.gfp = gfp::kernel | gfp::nowarn | gfp::noretry});
        if (!object) break;
        taken.push_back(*object);
    }
    EXPECT_GT(taken.size(), 10000u);
    for (const VirtAddr object : taken) kmalloc.free(object, CpuId{});
    for (const auto& cache : objects->caches()) objects->shrink(*cache, CpuId{});
    EXPECT_EQ(free_frames(*frames), before);
}

} // namespace
} // namespace pagewalk::os
