#pragma once

#include "os/path/frame_allocator.h"
#include "os/task/wait_queue.h"

#include <cstdint>
#include <unordered_map>

namespace pagewalk::os {

/// The lock of a page (frame_flags::locked) and those who wait for it. Few pages are waited for at a time:
/// their queues are kept here, not with the frames.
class PageLocks {
public:
    PageLocks(FrameAllocator& frames, TaskRunner& runner) : m_frames(frames), m_runner(runner) {}

    [[nodiscard]] bool is_locked(Pfn frame) const { return (flags(frame) & frame_flags::locked) != 0; }
    /// Contract: the page is not locked.
    void lock_new(Pfn frame);
    /// Waits until nobody has the page locked. Keeps a reference meanwhile: the page does not go away.
    void wait_until_unlocked(Operation& op, Pfn frame);
    /// As an Operation's effect: end of a read. The page, a Pfn's value, is up to date and unlocked.
    void end_read(std::uint64_t frame, const Moment& moment);
    /// As an Operation's effect: unlocks the page, a Pfn's value, and wakes who waits for it.
    void unlock(std::uint64_t frame, const Moment& moment);

    /// Pages that somebody waits for.
    [[nodiscard]] std::size_t waited_for() const { return m_queues.size(); }

private:
    [[nodiscard]] std::uint16_t flags(Pfn frame) const { return m_frames.pages().peek(frame).owner_flags; }

    FrameAllocator& m_frames;
    TaskRunner& m_runner;
    std::unordered_map<std::uint64_t, WaitQueue> m_queues; // by frame
};

} // namespace pagewalk::os
