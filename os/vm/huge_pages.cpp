#include "os/vm/huge_pages.h"

#include "base/error.h"

#include <array>

namespace pagewalk::os {
namespace {

// In the second descriptor: `refcount` counts mappings by level 2, `next` the references of all mappings. In
// the third: `refcount` is 1 on the queue of deferred splits.
constexpr std::uint16_t queued = 1;

} // namespace

std::uint32_t HugePages::whole_mappings(Pfn head) const { return m_frames.pages().peek(head + 1).refcount; }

std::uint32_t HugePages::mapcount(Pfn frame) const {
    const std::uint32_t own = m_frames.pages().peek(frame).mapcount;
    return is_part(frame) ? own + whole_mappings(head_of(frame)) : own;
}

std::uint32_t HugePages::references(Pfn frame) const {
    const PageDescriptor& page = m_frames.pages().peek(head_of(frame));
    if (!is_part(frame)) return page.refcount;
    const std::uint32_t mappings = m_frames.pages().peek(head_of(frame) + 1).next;
    return mappings == 0 ? page.refcount : page.refcount + mappings - 1;
}

void HugePages::make(Pfn head) {
    PageMap& pages = m_frames.pages();
    pages.at(head).owner_flags = frame_flags::anonymous | frame_flags::swapbacked | frame_flags::uptodate;
    for (std::uint64_t i = 1; i < frames; ++i) {
        PageDescriptor& tail = pages.at(head + i);
        tail.owner_flags = frame_flags::huge_tail;
        tail.refcount = tail.mapcount = 0;
    }
    counts(head).next = 0;
}

void HugePages::add_whole(Pfn head) {
    ++counts(head).refcount;
    ++counts(head).next;
}

std::uint64_t HugePages::remove_whole(Pfn head) {
    PageDescriptor& count = counts(head);
    PAGEWALK_INVARIANT(count.refcount != 0);
    if (--count.refcount != 0) return 0;
    std::uint64_t unmapped = 0;
    for (std::uint64_t i = 0; i < frames; ++i)
        if (m_frames.pages().peek(head + i).mapcount == 0) ++unmapped;
    if (unmapped != 0 && unmapped != frames) defer_split(head);
    return unmapped;
}

void HugePages::add_mapping(Pfn frame) {
    PageMap& pages = m_frames.pages();
    ++pages.at(frame).mapcount;
    if (is_part(frame))
        ++counts(head_of(frame)).next;
    else
        ++pages.at(frame).refcount;
}

bool HugePages::remove_mapping(Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(frame);
    PAGEWALK_INVARIANT(page.mapcount != 0);
    if (--page.mapcount != 0) return false;
    if (!is_part(frame)) return true;
    const Pfn head = head_of(frame);
    if (whole_mappings(head) != 0) return false;
    defer_split(head);
    return true;
}

void HugePages::split_mapping(Pfn head) {
    PageDescriptor& count = counts(head);
    PAGEWALK_INVARIANT(count.refcount != 0);
    for (std::uint64_t i = 0; i < frames; ++i) ++m_frames.pages().at(head + i).mapcount;
    --count.refcount;
    count.next += frames - 1;
}

void HugePages::put(Operation& op, Pfn frame) {
    PageDescriptor& page = m_frames.pages().at(head_of(frame));
    if (!is_part(frame)) {
        PAGEWALK_INVARIANT(page.refcount != 0);
        if (--page.refcount == 0) m_frames.free(op, frame, 0);
        return;
    }
    const Pfn head = head_of(frame);
    PAGEWALK_INVARIANT(counts(head).next != 0);
    if (--counts(head).next == 0 && --page.refcount == 0) free(op, head);
}

void HugePages::defer_split(Pfn head) {
    PageMap& pages = m_frames.pages();
    PageDescriptor& queue = pages.at(Pfn(queue_frame(head)));
    if (queue.refcount == queued) return;
    queue.refcount = queued;
    m_deferred.push_back(pages, queue_frame(head));
    ++m_counters.thp_deferred_split_page;
}

void HugePages::leave_queue(Pfn head) {
    PageMap& pages = m_frames.pages();
    PageDescriptor& queue = pages.at(Pfn(queue_frame(head)));
    if (queue.refcount != queued) return;
    m_deferred.remove(pages, queue_frame(head));
    queue.refcount = 0;
}

/// free_transhuge_page
void HugePages::free(Operation& op, Pfn head) {
    PageMap& pages = m_frames.pages();
    leave_queue(head);
    counts(head).next = PageDescriptor::no_link;
    for (std::uint64_t i = 1; i < frames; ++i) {
        pages.at(head + i).owner_flags = 0;
        op.path.call(KernelFunction::FreeTail);
        op.path.store_page(head + i);
    }
    m_frames.free(op, head, order);
}

void HugePages::discard(Operation& op, Pfn head) {
    m_frames.pages().at(head).refcount = 0;
    free(op, head);
}

void HugePages::break_up(Operation& op, Pfn head) {
    PageMap& pages = m_frames.pages();
    PageDescriptor& first = pages.at(head);
    PAGEWALK_INVARIANT(first.compound != 0 && whole_mappings(head) == 0 && first.refcount == 1);
    defer_split(head); // its frames are unmapped one after the other
    leave_queue(head);
    ++m_counters.thp_split_page;
    op.path.call(KernelFunction::SplitHugePage, frames);
    std::array<std::uint16_t, frames> mapcounts{};
    for (std::uint64_t i = 0; i < frames; ++i) mapcounts[i] = pages.peek(head + i).mapcount;
    const FrameMapping mapping = m_frames.mapping(head);
    first.compound = 0;
    m_frames.split(head, order);
    for (std::uint64_t i = 0; i < frames; ++i) {
        PageDescriptor& page = pages.at(head + i);
        page.owner_flags = first.owner_flags;
        page.mapcount = page.refcount = mapcounts[i];
        m_frames.set_mapping(head + i, {mapping.kind, mapping.owner, mapping.index + i});
        op.path.store_page(head + i);
    }
    if (first.is(PageState::Lru)) m_frames.lru().split(head, frames);
    for (std::uint64_t i = 1; i < frames; ++i)
        if (mapcounts[i] == 0) m_frames.free(op, head + i, 0);
    if (mapcounts[0] == 0) m_frames.free(op, head, 0);
}

} // namespace pagewalk::os
