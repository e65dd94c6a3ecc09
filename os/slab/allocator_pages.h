#pragma once

#include "os/page/page_allocator.h"
#include "os/slab/allocator_topology.h"
#include "os/slab/page_source.h"

#include <cstdint>

namespace pagewalk::os {

/// Pages from the simulated page allocator.
class AllocatorPages final : public AllocatorTopology<PageSource> {
public:
    explicit AllocatorPages(PageAllocator& allocator)
        : AllocatorTopology(allocator), m_allocator(allocator) {}

    [[nodiscard]] std::optional<Pfn> allocate(const PageRequest& request) override;
    void free(Pfn frame, unsigned order, CpuId cpu) override;

    /// Frames that object allocators hold now.
    [[nodiscard]] std::uint64_t frames() const { return m_frames; }

private:
    PageAllocator& m_allocator;
    std::uint64_t m_frames = 0;
};

} // namespace pagewalk::os
