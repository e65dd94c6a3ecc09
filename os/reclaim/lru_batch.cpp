#include "os/reclaim/lru_batch.h"

namespace pagewalk::os {

void LruBatches::add(Operation& op, Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    page.owner_flags |= frame_flags::in_lru_batch;
    if (LruGenerations* const generations = m_frames.lru().generations()) {
        generations->forget_uses(frame);
        if (op.in_lru_fault) page.owner_flags |= frame_flags::active;
    }
    op.path.call(KernelFunction::FolioAddLru);
    collect(op, m_batches[op.cpu].add, frame, &LruBatches::move_to_list);
}

void LruBatches::add_locked(Operation& op, Pfn frame) {
    m_frames.pages().at(frame).owner_flags |= frame_flags::in_lru_batch | frame_flags::mlocked;
    const std::uint64_t pages = m_frames.pages().peek(frame).frames();
    m_counters.nr_mlock += pages;
    m_counters.unevictable_pgs_mlocked += pages;
    op.path.call(KernelFunction::FolioAddLru);
    collect(op, m_batches[op.cpu].lock, frame, &LruBatches::move_to_unevictable);
}

/// A page of a generation does not say whether it is active.
bool LruBatches::may_become_inactive(const PageDescriptor& page) const {
    const std::uint16_t state = page.owner_flags & (frame_flags::active | frame_flags::unevictable);
    return state == frame_flags::active || (state == 0 && m_frames.lru().generations() != nullptr);
}

void LruBatches::deactivate(Operation& op, Pfn frame) {
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!page.is(PageState::Lru) || !may_become_inactive(page)) return;
    collect(op, m_batches[op.cpu].deactivate, frame, &LruBatches::move_to_inactive);
}

void LruBatches::give_up(Operation& op, Pfn frame) {
    constexpr std::uint16_t states =
        frame_flags::swapbacked | frame_flags::swapcache | frame_flags::unevictable;
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!page.is(PageState::Lru) || (page.owner_flags & states) != frame_flags::swapbacked) return;
    collect(op, m_batches[op.cpu].give_up, frame, &LruBatches::move_to_given_up);
}

void LruBatches::activate(Operation& op, Pfn frame) {
    constexpr std::uint16_t states = frame_flags::active | frame_flags::unevictable;
    PageDescriptor& page = m_frames.pages().at(frame);
    constexpr std::uint16_t batches = frame_flags::in_lru_batch | frame_flags::mlocked;
    if ((page.owner_flags & batches) == frame_flags::in_lru_batch) page.owner_flags |= frame_flags::active;
    if (!page.is(PageState::Lru) || (page.owner_flags & states) != 0) return;
    collect(op, m_batches[op.cpu].activate, frame, &LruBatches::move_to_active);
}

void LruBatches::drain(Operation& op) { drain(op, op.cpu); }

void LruBatches::drain(Operation& op, CpuId owner) {
    op.path.call(KernelFunction::LruAddDrain);
    Cpu& cpu = m_batches[owner];
    empty(op, cpu.add, &LruBatches::move_to_list);
    empty(op, cpu.deactivate, &LruBatches::move_to_inactive);
    empty(op, cpu.give_up, &LruBatches::move_to_given_up);
    empty(op, cpu.activate, &LruBatches::move_to_active);
    empty(op, cpu.lock, &LruBatches::move_to_unevictable);
}

void LruBatches::collect(Operation& op, Batch& batch, Pfn frame, Move move) {
    ++m_frames.pages().at(frame).refcount;
    op.path.store(m_frames.addresses().lru_batch(op.cpu));
    batch.frames[batch.count++] = frame;
    const bool huge = m_frames.pages().peek(frame).compound != 0;
    if (batch.count == batch_size || huge) empty(op, batch, move);
}

void LruBatches::empty(Operation& op, Batch& batch, Move move) {
    if (batch.count == 0) return;
    op.path.call(KernelFunction::FolioBatchMoveLru);
    const Zone* zone = m_frames.allocator().zone_of(batch.frames[0]);
    const VirtAddr lruvec = m_frames.addresses().lruvec(zone->node);
    op.path.acquire(lruvec);
    op.path.call(KernelFunction::FolioBatchMovePage, static_cast<std::uint32_t>(batch.count));
    op.path.call(KernelFunction::LruAddFn, static_cast<std::uint32_t>(batch.count));
    for (std::size_t i = 0; i < batch.count; ++i) {
        (this->*move)(batch.frames[i]);
        op.path.store_page(batch.frames[i]);
    }
    op.path.release(lruvec);
    for (std::size_t i = batch.count; i-- > 0;) // the list of those to be freed is built from its head
        if (--m_frames.pages().at(batch.frames[i]).refcount == 0) {
            op.path.call(KernelFunction::ReleasePage);
            op.path.call(KernelFunction::ReleaseFreedPage);
            m_frames.free(op, batch.frames[i], 0);
        }
    batch.count = 0;
}

void LruBatches::move_to_list(Pfn frame) {
    m_frames.pages().at(frame).owner_flags &= static_cast<std::uint16_t>(~frame_flags::in_lru_batch);
    m_frames.lru().add(frame);
}

void LruBatches::move_to_unevictable(Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::in_lru_batch);
    // munlock may have come first.
    if ((page.owner_flags & frame_flags::mlocked) != 0) {
        page.owner_flags |= frame_flags::unevictable;
        m_counters.unevictable_pgs_culled += page.frames();
    }
    m_frames.lru().add(frame);
}

void LruBatches::move_to_inactive(Pfn frame) {
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!page.is(PageState::Lru) || !may_become_inactive(page)) return;
    m_frames.lru().change_flags(frame, 0, frame_flags::active | frame_flags::referenced);
    m_counters.pgdeactivate += page.frames();
}

void LruBatches::move_to_given_up(Pfn frame) {
    constexpr std::uint16_t states =
        frame_flags::swapbacked | frame_flags::swapcache | frame_flags::unevictable;
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!page.is(PageState::Lru) || (page.owner_flags & states) != frame_flags::swapbacked) return;
    m_frames.lru().change_flags(frame, 0,
                                frame_flags::swapbacked | frame_flags::active | frame_flags::referenced);
    m_counters.pglazyfree += page.frames();
}

void LruBatches::move_to_active(Pfn frame) {
    constexpr std::uint16_t states = frame_flags::active | frame_flags::unevictable;
    const PageDescriptor& page = m_frames.pages().peek(frame);
    if (!page.is(PageState::Lru) || (page.owner_flags & states) != 0) return;
    m_frames.lru().change_flags(frame, frame_flags::active, 0);
    m_counters.pgactivate += page.frames();
}

} // namespace pagewalk::os
