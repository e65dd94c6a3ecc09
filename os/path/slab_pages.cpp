#include "os/path/slab_pages.h"

#include "base/error.h"

namespace pagewalk::os {

std::optional<Pfn> SlabPages::allocate(const PageRequest& request) {
    PAGEWALK_INVARIANT(m_op != nullptr);
    m_writer->flush(*m_op);
    const SlabSummary outer = m_trace->summary();
    m_op->path.call(KernelFunction::AllocPages);
    FrameAllocator::Request wanted{
        .mask = request.gfp, .order = request.order, .purpose = AllocationPurpose::KernelObject};
    if (request.node != any_node) wanted.node = request.node;
    const auto frame = m_frames.allocate(*m_op, wanted);
    m_trace->summary() = outer;
    m_trace->recording = m_op->path.timed();
    if (!frame) return std::nullopt;
    PageDescriptor& page = m_frames.pages().at(*frame);
    page.owner_flags = frame_flags::kernel;
    const bool reclaimable = request.gfp.any(gfp::reclaimable);
    page.set_owner(reclaimable ? 1 : 0);
    (reclaimable ? m_reclaimable : m_unreclaimable) += 1ULL << request.order;
    return *frame;
}

void SlabPages::free(Pfn frame, unsigned order, CpuId) {
    PAGEWALK_INVARIANT(m_op != nullptr);
    m_writer->flush(*m_op);
    const bool reclaimable = m_frames.pages().peek(frame).owner() != 0;
    (reclaimable ? m_reclaimable : m_unreclaimable) -= 1ULL << order;
    m_frames.free(*m_op, frame, order);
}

} // namespace pagewalk::os
