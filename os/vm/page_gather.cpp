#include "os/vm/page_gather.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {

PageGather::Full PageGather::add(Operation& op, Pfn frame) {
    m_pages.push_back(frame);
    const std::size_t room = bundle + m_batches.size() * batch_pages;
    if (m_pages.size() < room) return Full::No;
    if (m_no_more_batches || m_batches.size() == most_batches) return Full::Yes;
    op.path.call(KernelFunction::AllocPages);
    const auto batch = m_frames.allocate(
        op, {.mask = gfp::nowait | gfp::nowarn, .purpose = AllocationPurpose::KernelObject});
    if (!batch) {
        m_no_more_batches = true;
        return Full::Yes;
    }
    m_batches.push_back(*batch);
    return Full::No;
}

void PageGather::release(Operation& op, std::size_t first, std::size_t last) {
    // The list of small pages to free is built from its head: the last page of a batch is freed first. Huge
    // pages do not wait for it.
    m_to_free.clear();
    op.path.call(KernelFunction::ReleasePage, static_cast<std::uint32_t>(last - first));
    for (std::size_t i = first; i < last; ++i) {
        if (frame_flags::is_hugetlb(m_frames.pages().peek(m_pages[i]).owner_flags)) {
            m_hugetlb.put(op, m_pages[i]);
            continue;
        }
        if (m_huge.is_part(m_pages[i])) {
            m_huge.put(op, m_pages[i]);
            continue;
        }
        PageDescriptor& page = m_frames.pages().at(m_pages[i]);
        if (page.mapcount == 0) (void)m_swap.try_to_free(op, m_pages[i]);
        PAGEWALK_INVARIANT(page.refcount != 0);
        if (--page.refcount == 0) m_to_free.push_back(m_pages[i]);
    }
    std::ranges::reverse(m_to_free);
    op.path.call(KernelFunction::ReleaseFreedPage, static_cast<std::uint32_t>(m_to_free.size()));
    m_frames.free_batch(op, m_to_free);
}

void PageGather::flush(Operation& op) {
    if (m_pages.empty()) return;
    for (std::size_t first = 0; first < m_pages.size();) {
        const std::size_t last = std::min(m_pages.size(), first == 0 ? bundle : first + batch_pages);
        op.path.call(KernelFunction::TlbBatchFree);
        m_lru.drain(op);
        release(op, first, last);
        first = last;
    }
    m_pages.clear();
}

void PageGather::finish(Operation& op) {
    for (const Pfn batch : m_batches) m_frames.free(op, batch, 0);
    m_batches.clear();
    m_no_more_batches = false;
}

} // namespace pagewalk::os
