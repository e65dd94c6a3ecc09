#pragma once

#include "workloads/qemu/segment.h"
#include "workloads/qemu/spill_store.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace pagewalk::workloads {

/// The consumer's side of one thread's ring. Words are read in place; what was taken stays valid until
/// release().
class RingReader {
public:
    RingReader(const Segment& segment, SpillStore& store, std::uint32_t ring);
    ~RingReader();
    RingReader(const RingReader&) = delete;
    RingReader& operator=(const RingReader&) = delete;

    /// Published, not yet taken; contiguous, whole blocks and events, unless the producer was killed.
    [[nodiscard]] std::span<const std::uint64_t> words();
    /// Would words() give some?
    [[nodiscard]] bool has_words() const;
    /// Is there nothing that was not taken, not even words that are not published yet?
    [[nodiscard]] bool is_read_up() const;
    /// Takes the first `count` words of words(). At most one take() between two calls of release().
    void take(std::size_t count);
    /// Gives what was taken back to the producer.
    void release();

    /// Sleeps until there are words, at most `limit`; spins for a few microseconds first.
    void wait(std::chrono::milliseconds limit);
    /// The producer waits for room.
    [[nodiscard]] bool is_full() const;
    /// Moves everything not yet taken to the store, so that the producer can go on.
    void spill();
    /// Where the producer has left the ring: moves what is left of it to the store, after which the ring may
    /// be freed (and this reader goes on). False while words that were taken are in use.
    [[nodiscard]] bool detach();
    /// To be called when the producer is dead: makes the words visible that it did not publish.
    void close();
    /// The producer has left the ring, or is dead: it may be freed once everything is taken.
    [[nodiscard]] bool is_left() const;

private:
    [[nodiscard]] std::uint64_t published() const;
    [[nodiscard]] std::uint64_t written() const;
    void advance(std::uint64_t words);
    void spill_published();

    const Segment& m_segment;
    std::uint32_t m_ring;
    RingControl& m_control;
    RingMapping m_mapping;
    RingMapping m_frozen; ///< holds words taken before a spill
    std::uint64_t m_consumed = 0;
    std::uint64_t m_taken = 0;
    std::uint64_t m_final = 0; ///< all words ever, once closed
    bool m_closed = false;
    bool m_took_from_spill = false;
    bool m_detached = false;
    SpillStore& m_store;
    std::deque<SpillStore::Piece> m_spill;
    std::size_t m_spill_used = 0; ///< of the first piece
};

} // namespace pagewalk::workloads
