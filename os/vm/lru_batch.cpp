#include "os/vm/lru_batch.h"

namespace pagewalk::os {

void LruBatches::add(Operation& op, Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    page.owner_flags |= frame_flags::in_lru_batch;
    ++page.refcount;
    Batch& batch = m_batches[op.cpu];
    op.path.call(KernelFunction::FolioAddLru);
    op.path.store(m_frames.addresses().lru_batch(op.cpu));
    batch.frames[batch.count++] = frame;
    if (batch.count == batch_size) move_to_lists(op, batch);
}

void LruBatches::drain(Operation& op) { drain(op, op.cpu); }

void LruBatches::drain(Operation& op, CpuId owner) {
    op.path.call(KernelFunction::LruAddDrain);
    if (m_batches[owner].count != 0) move_to_lists(op, m_batches[owner]);
}

void LruBatches::move_to_lists(Operation& op, Batch& batch) {
    op.path.call(KernelFunction::FolioBatchMoveLru);
    const Zone* zone = m_frames.allocator().zone_of(batch.frames[0]);
    const VirtAddr lruvec = m_frames.addresses().lruvec(zone->node);
    op.path.acquire(lruvec);
    op.path.call(KernelFunction::FolioBatchMovePage, static_cast<std::uint32_t>(batch.count));
    op.path.call(KernelFunction::LruAddFn, static_cast<std::uint32_t>(batch.count));
    for (std::size_t i = 0; i < batch.count; ++i) {
        PageDescriptor& page = m_frames.pages().at(batch.frames[i]);
        page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::in_lru_batch);
        page.set(PageState::Lru);
        op.path.store_page(batch.frames[i]);
        ++((page.owner_flags & frame_flags::anonymous) != 0 ? m_counters.nr_lru_anon
                                                            : m_counters.nr_lru_file);
    }
    op.path.release(lruvec);
    for (std::size_t i = 0; i < batch.count; ++i)
        if (--m_frames.pages().at(batch.frames[i]).refcount == 0) {
            op.path.call(KernelFunction::ReleasePage);
            op.path.call(KernelFunction::ReleaseFreedPage);
            m_frames.free(op, batch.frames[i], 0);
        }
    batch.count = 0;
}

} // namespace pagewalk::os
