#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/slab_path.h"
#include "os/slab/allocator_topology.h"
#include "os/slab/page_source.h"

#include <cstdint>
#include <optional>

namespace pagewalk::os {

/// Pages for object allocators, on behalf of the operation that is being served (FrameAllocator::Scope):
/// their allocation is part of its path.
class SlabPages final : public AllocatorTopology<PageSource> {
public:
    explicit SlabPages(FrameAllocator& frames) : AllocatorTopology(frames.allocator()), m_frames(frames) {}

    /// The allocator's steps are written before each call of the page allocator. Once, before it is used.
    void attach(SlabPathWriter& writer, SlabTrace& trace) {
        m_writer = &writer;
        m_trace = &trace;
    }
    [[nodiscard]] std::optional<Pfn> allocate(const PageRequest& request) override;
    void free(Pfn frame, unsigned order, CpuId cpu) override;
    [[nodiscard]] CpuId current_cpu(CpuId cpu) const override { return m_frames.served_cpu(cpu); }

    /// Pages held now, those that wait for a grace period included.
    [[nodiscard]] const std::uint64_t& reclaimable() const { return m_reclaimable; }
    [[nodiscard]] const std::uint64_t& unreclaimable() const { return m_unreclaimable; }

private:
    FrameAllocator& m_frames;
    SlabPathWriter* m_writer = nullptr;
    SlabTrace* m_trace = nullptr;
    std::uint64_t m_reclaimable = 0;
    std::uint64_t m_unreclaimable = 0;
};

} // namespace pagewalk::os
