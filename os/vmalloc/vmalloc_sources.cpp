#include "os/vmalloc/vmalloc_sources.h"

#include "base/error.h"
#include "os/vmalloc/vmalloc_area.h"

namespace pagewalk::os {

AllocatorVmallocPages::AllocatorVmallocPages(PageAllocator& allocator)
    : AllocatorTopology(allocator), m_allocator(allocator) {}

AllocRequest AllocatorVmallocPages::pages_of(const PageRequest& request) const {
    AllocRequest pages;
    pages.mask = request.gfp;
    pages.order = request.order;
    pages.cpu = request.cpu;
    pages.preferred = request.node == any_node ? node_of(request.cpu) : request.node;
    return pages;
}

std::optional<Pfn> AllocatorVmallocPages::allocate(const PageRequest& request) {
    const auto frame = m_allocator.allocate(pages_of(request));
    if (!frame) return std::nullopt;
    return *frame;
}

void AllocatorVmallocPages::free(Pfn frame, unsigned order, CpuId cpu) {
    const auto freed = m_allocator.free(frame, order, cpu);
    PAGEWALK_INVARIANT(freed.has_value());
}

std::size_t AllocatorVmallocPages::allocate_bulk(const PageRequest& request, std::span<Pfn> frames) {
    return m_allocator.allocate_bulk(pages_of(request), frames);
}

std::uint64_t AllocatorVmallocPages::total_pages() const {
    std::uint64_t pages = 0;
    for (const auto& zone : m_allocator.zones()) pages += zone->managed;
    return pages;
}

SlabVmallocObjects::SlabVmallocObjects(Kmalloc& kmalloc) : m_kmalloc(kmalloc) {
    const auto cache = kmalloc.allocator().create(
        {.name = "vmap_area", .size = VmapArea::object_bytes, .align = 8, .flags = slab_flag::panic});
    PAGEWALK_INVARIANT(cache.has_value());
    m_areas = *cache;
}

std::optional<VirtAddr> SlabVmallocObjects::allocate_area(const SlabRequest& request) {
    const auto object = m_kmalloc.allocator().allocate(*m_areas, request);
    if (!object) return std::nullopt;
    return *object;
}

void SlabVmallocObjects::free_area(VirtAddr object, CpuId cpu) {
    m_kmalloc.allocator().free(*m_areas, object, cpu);
}

std::optional<VirtAddr> SlabVmallocObjects::allocate(std::uint64_t bytes, const SlabRequest& request) {
    const auto object = m_kmalloc.allocate(bytes, request);
    if (!object) return std::nullopt;
    return *object;
}

} // namespace pagewalk::os
