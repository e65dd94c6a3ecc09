#include "os/vm/operation_frames.h"

namespace pagewalk::os {

Pfn OperationFrames::allocate(unsigned order) {
    m_op.path.call(KernelFunction::PteAlloc);
    m_op.path.call(KernelFunction::AllocPages);
    // A larger block is worth no effort: every format does with smaller ones.
    const GfpMask effort = order > 0 ? gfp::noretry | gfp::nowarn : GfpMask{};
    const GfpMask mask = gfp::kernel_account | gfp::zero | effort;
    const auto frame =
        m_frames.allocate(m_op, {.mask = mask, .order = order, .purpose = AllocationPurpose::PageTable});
    if (!frame) return no_frame;
    m_frames.pages().at(*frame).owner_flags = frame_flags::kernel;
    m_space.table_pages += 1ULL << order;
    m_counters.nr_page_table_pages += 1ULL << order;
    return *frame;
}

void OperationFrames::free(Pfn frame, unsigned order) {
    m_space.table_pages -= 1ULL << order;
    m_counters.nr_page_table_pages -= 1ULL << order;
    m_frames.free(m_op, frame, order);
}

} // namespace pagewalk::os
