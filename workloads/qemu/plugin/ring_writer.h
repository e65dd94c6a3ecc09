#pragma once

#include "workloads/qemu/shared_segment.h"

#include <cstdint>

namespace pagewalk::workloads {

/// The producer's side of the rings: claims one for each thread, publishes, waits for room. Any failure (too
/// many threads, the consumer gone) ends the process: there is nobody to run it for.
class RingWriter {
public:
    explicit RingWriter(void* segment) : m_segment(segment) {}

    /// A fresh ring for the calling thread, announced to the consumer.
    [[nodiscard]] RingControl* claim();
    /// The ring of a thread that has executed a new image, this one: it goes on where it stood. The other
    /// threads of the process have ended.
    [[nodiscard]] RingControl* continue_thread(std::uint32_t entry);
    /// Lets the maker of a thread that continue_thread() has been called for see it.
    void tell_executed(std::uint32_t entry) { m_segment.thread(entry).images.fetch_add(1); }
    /// Has this child executed an image or ended?
    [[nodiscard]] bool has_left_parents_memory(std::int32_t child) const;
    /// Makes what was written visible and waits until a block may be started.
    void make_room(RingControl& ring);
    void publish(RingControl& ring);
    /// Publishes for the last time and unmaps the ring; the consumer frees it.
    void release(RingControl& ring);
    [[noreturn]] void fail(SegmentFailure failure);

    [[nodiscard]] SegmentView segment() const { return m_segment; }
    [[nodiscard]] std::uint64_t next_order() { return m_segment.header().order.fetch_add(1) + 1; }

private:
    [[nodiscard]] std::uint64_t ring_words() const { return m_segment.header().ring_bytes / 8; }
    void stop_without_consumer() const;

    SegmentView m_segment;
};

} // namespace pagewalk::workloads
