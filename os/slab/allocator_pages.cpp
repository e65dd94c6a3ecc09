#include "os/slab/allocator_pages.h"

#include "base/error.h"

namespace pagewalk::os {

std::optional<Pfn> AllocatorPages::allocate(const PageRequest& request) {
    AllocRequest pages;
    pages.mask = request.gfp;
    pages.order = request.order;
    pages.cpu = request.cpu;
    pages.preferred = request.node == any_node ? node_of(request.cpu) : request.node;
    const auto frame = m_allocator.allocate(pages);
    if (!frame) return std::nullopt;
    m_frames += 1ULL << request.order;
    return *frame;
}

void AllocatorPages::free(Pfn frame, unsigned order, CpuId cpu) {
    const auto freed = m_allocator.free(frame, order, cpu);
    PAGEWALK_INVARIANT(freed.has_value());
    m_frames -= 1ULL << order;
}

} // namespace pagewalk::os
