#include "os/path/slab_pages.h"

namespace pagewalk::os {

std::optional<Pfn> SlabPages::allocate(const PageRequest& request) {
    Operation& op = m_frames.served();
    m_writer->flush(op);
    const SlabSummary outer = m_trace->summary();
    op.path.call(KernelFunction::AllocPages);
    FrameAllocator::Request wanted{
        .mask = request.gfp, .order = request.order, .purpose = AllocationPurpose::KernelObject};
    if (request.node != any_node) wanted.node = request.node;
    // Other operations on objects may go on while this one waits: the trace is theirs until it returns.
    const auto frame = m_frames.allocate(op, wanted);
    m_trace->summary() = outer;
    m_trace->record(op.path.timed());
    if (!frame) return std::nullopt;
    PageDescriptor& page = m_frames.pages().at(*frame);
    page.owner_flags = frame_flags::kernel;
    const bool reclaimable = request.gfp.any(gfp::reclaimable);
    page.set_owner(reclaimable ? 1 : 0);
    (reclaimable ? m_reclaimable : m_unreclaimable) += 1ULL << request.order;
    return *frame;
}

void SlabPages::free(Pfn frame, unsigned order, CpuId) {
    Operation& op = m_frames.served();
    m_writer->flush(op);
    const bool reclaimable = m_frames.pages().peek(frame).owner() != 0;
    (reclaimable ? m_reclaimable : m_unreclaimable) -= 1ULL << order;
    m_frames.free(op, frame, order);
}

} // namespace pagewalk::os
