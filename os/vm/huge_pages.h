#pragma once

#include "os/page/frame_list.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/path/operation.h"

#include <cstdint>

namespace pagewalk::os {

/// Huge pages of anonymous memory: 512 frames that are one page. States, LRU list and rmap are the first
/// frame's. One reference of the first frame stands for all mappings; how many refer to the page is counted
/// beside it, since each of its frames may be mapped by itself. A frame's mapcount counts the level-1 entries
/// that map it; entries of level 2 are counted apart. The counts lie in descriptors behind the first, as the
/// kernel's do. Frames of small pages may be given wherever a frame is asked for.
class HugePages {
public:
    static constexpr unsigned order = 9;
    static constexpr std::uint64_t frames = 1ULL << order;
    static constexpr std::uint64_t bytes = page_size << order;

    HugePages(FrameAllocator& allocator, KernelCounters& counters)
        : m_frames(allocator), m_counters(counters) {}

    /// Is the frame of a user page part of a huge page?
    [[nodiscard]] bool is_part(Pfn frame) const {
        const PageDescriptor& page = m_frames.pages().peek(frame);
        return page.compound != 0 || frame_flags::is_huge_tail(page.owner_flags);
    }
    /// The frame that has the page's states.
    [[nodiscard]] Pfn head_of(Pfn frame) const {
        return is_part(frame) ? Pfn(frame.value() & ~(frames - 1)) : frame;
    }
    /// Entries that map the frame, by itself or as part of the whole.
    [[nodiscard]] std::uint32_t mapcount(Pfn frame) const;
    /// Entries of level 2 that map the huge page.
    [[nodiscard]] std::uint32_t whole_mappings(Pfn head) const;
    /// Who refers to the page: mappings and others.
    [[nodiscard]] std::uint32_t references(Pfn frame) const;

    /// prep_transhuge_page: a new block becomes a huge page that nothing maps yet.
    void make(Pfn head);
    /// One more entry of level 2 maps it.
    void add_whole(Pfn head);
    /// One fewer does. Returns how many of its frames nothing maps any more. The entry's reference stays.
    std::uint64_t remove_whole(Pfn head);
    /// One more entry of level 1 maps the frame, and refers to its page.
    void add_mapping(Pfn frame);
    /// One fewer does. Returns whether it was the last. The reference stays.
    bool remove_mapping(Pfn frame);
    /// An entry of level 2 is 512 of level 1 from now on.
    void split_mapping(Pfn head);
    /// Drops the reference of a mapping; frees the page with the last.
    void put(Operation& op, Pfn frame);
    /// Frees a page that was made and never mapped.
    void discard(Operation& op, Pfn head);
    /// __split_huge_page: its frames are pages of their own; those that nothing maps are freed. Contract: no
    /// entry of level 2 maps it, and nothing else refers to it.
    void break_up(Operation& op, Pfn head);

    /// Partly unmapped huge pages, to be split when memory is short: frames behind their second one, oldest
    /// first.
    [[nodiscard]] const FrameList& deferred() const { return m_deferred; }

private:
    /// Descriptors whose lists and counts are free for use: the second and the third of the block.
    [[nodiscard]] PageDescriptor& counts(Pfn head) const { return m_frames.pages().at(head + 1); }
    [[nodiscard]] std::uint32_t queue_frame(Pfn head) const {
        return static_cast<std::uint32_t>(head.value() + 2);
    }
    void defer_split(Pfn head);
    void leave_queue(Pfn head);
    void free(Operation& op, Pfn head);

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    FrameList m_deferred;
};

} // namespace pagewalk::os
