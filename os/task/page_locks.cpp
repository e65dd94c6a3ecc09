#include "os/task/page_locks.h"

#include "base/error.h"

namespace pagewalk::os {

void PageLocks::lock_new(Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    PAGEWALK_INVARIANT((page.owner_flags & frame_flags::locked) == 0);
    page.owner_flags |= frame_flags::locked;
}

void PageLocks::wait_while(Operation& op, Pfn frame, std::uint16_t states) {
    ++m_frames.pages().at(frame).refcount;
    while ((flags(frame) & states) != 0) m_queues.try_emplace(frame.value(), m_runner).first->second.wait(op);
    PageDescriptor& page = m_frames.pages().at(frame);
    PAGEWALK_INVARIANT(page.refcount != 0);
    if (--page.refcount == 0) m_frames.free(op, frame, 0);
}

void PageLocks::end_read(std::uint64_t frame, const Moment& moment) {
    m_frames.pages().at(Pfn(frame)).owner_flags |= frame_flags::uptodate;
    unlock(frame, moment);
}

void PageLocks::unlock(std::uint64_t frame, const Moment& moment) {
    clear(frame, frame_flags::locked, moment);
}

void PageLocks::clear(std::uint64_t frame, std::uint16_t state, const Moment& moment) {
    PageDescriptor& page = m_frames.pages().at(Pfn(frame));
    PAGEWALK_INVARIANT((page.owner_flags & state) != 0);
    page.owner_flags = static_cast<std::uint16_t>(page.owner_flags & ~state);
    const auto found = m_queues.find(frame);
    if (found == m_queues.end()) return;
    found->second.wake_all(moment);
    m_queues.erase(found);
}

} // namespace pagewalk::os
