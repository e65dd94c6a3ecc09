#pragma once

#include "workloads/qemu/shared_segment.h"

#include <cstdint>
#include <unistd.h>

namespace pagewalk::workloads {

/// The producer's side of the rings: claims one for each thread, publishes, waits for room. Any failure (too
/// many threads, the consumer gone) ends the process: there is nobody to run it for.
class RingWriter {
public:
    explicit RingWriter(void* segment) : m_segment(segment) {}

    /// A fresh ring for the calling thread, announced to the consumer. `epoch`: the process's space epoch.
    /// Waits until the consumer has freed a ring that a thread has left, where all are taken.
    [[nodiscard]] RingControl* claim(std::uint64_t epoch);
    /// The ring of a thread that has executed a new image, this one: it goes on where it stood. The other
    /// threads of the process have ended.
    [[nodiscard]] RingControl* continue_ring(std::uint32_t ring);
    /// Has this child executed an image?
    [[nodiscard]] bool has_executed(std::int32_t child) const;
    /// Makes what was written visible and waits until a block may be started.
    void make_room(RingControl& ring);
    void publish(RingControl& ring);
    /// Wakes the consumer where it waits for news of any thread.
    void tell_consumer();
    /// Publishes for the last time and unmaps the ring; the consumer frees it.
    void release(RingControl& ring);
    /// Waits until `over`, or ends the process when the consumer has gone.
    template <class Condition>
    void wait_until(Condition over) const {
        while (!over()) {
            stop_without_consumer();
            usleep(retry_us);
        }
    }
    [[noreturn]] void fail(SegmentFailure failure);

    [[nodiscard]] SegmentView segment() const { return m_segment; }
    [[nodiscard]] std::uint64_t next_order() { return m_segment.header().order.fetch_add(1) + 1; }

private:
    [[nodiscard]] std::uint64_t* map_ring(std::uint32_t number);
    [[nodiscard]] std::uint32_t take_free_ring(std::uint64_t number);
    [[nodiscard]] std::uint64_t ring_words() const { return m_segment.header().ring_bytes / 8; }
    static constexpr useconds_t retry_us = 200;
    void stop_without_consumer() const;

    SegmentView m_segment;
};

} // namespace pagewalk::workloads
