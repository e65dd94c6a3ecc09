#pragma once

#include "os/path/frame_allocator.h"
#include "os/task/wait_queue.h"

#include <cstdint>
#include <unordered_map>

namespace pagewalk::os {

/// The lock of a page (frame_flags::locked), and those who wait for it or for the end of its writing. Few
/// pages are waited for at a time: their queues are kept here, not with the frames.
class PageLocks {
public:
    PageLocks(FrameAllocator& frames, TaskRunner& runner) : m_frames(frames), m_runner(runner) {}

    [[nodiscard]] bool is_locked(Pfn frame) const { return (flags(frame) & frame_flags::locked) != 0; }
    /// Contract: the page is not locked.
    void lock_new(Pfn frame);
    /// Waits until nobody has the page locked. Keeps a reference meanwhile: the page does not go away.
    void wait_until_unlocked(Operation& op, Pfn frame) { wait_while(op, frame, frame_flags::locked); }
    /// Is the page locked or being written?
    [[nodiscard]] bool is_busy(Pfn frame) const { return (flags(frame) & busy) != 0; }
    /// Waits until a page is neither. As above.
    void wait_until_idle(Operation& op, Pfn frame) { wait_while(op, frame, busy); }
    /// Waits until a page is not being written. As above.
    void wait_until_written(Operation& op, Pfn frame) { wait_while(op, frame, frame_flags::writeback); }
    /// The device has written a page.
    void end_write(std::uint64_t frame, const Moment& moment) {
        clear(frame, frame_flags::writeback, moment);
    }
    /// As an Operation's effect: end of a read. The page, a Pfn's value, is up to date and unlocked.
    void end_read(std::uint64_t frame, const Moment& moment);
    /// As an Operation's effect: unlocks the page, a Pfn's value, and wakes who waits for it.
    void unlock(std::uint64_t frame, const Moment& moment);

    [[nodiscard]] TaskRunner& runner() { return m_runner; }
    /// Pages that somebody waits for.
    [[nodiscard]] std::size_t waited_for() const { return m_queues.size(); }

private:
    static constexpr std::uint16_t busy = frame_flags::locked | frame_flags::writeback;
    void wait_while(Operation& op, Pfn frame, std::uint16_t states);
    void clear(std::uint64_t frame, std::uint16_t state, const Moment& moment);
    [[nodiscard]] std::uint16_t flags(Pfn frame) const { return m_frames.pages().peek(frame).owner_flags; }

    FrameAllocator& m_frames;
    TaskRunner& m_runner;
    std::unordered_map<std::uint64_t, WaitQueue> m_queues; // by frame
};

} // namespace pagewalk::os
