#pragma once

#include "workloads/qemu/shared_segment.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk::workloads {

/// A ring mapped twice in a row, so that any stretch of it is contiguous.
class RingMapping {
public:
    RingMapping() = default;
    /// `ring` is the ring in the segment's own mapping. Errors: RunError.
    RingMapping(std::byte* ring, std::size_t bytes);
    ~RingMapping();
    RingMapping(RingMapping&& other) noexcept;
    RingMapping& operator=(RingMapping&& other) noexcept;

    [[nodiscard]] const std::uint64_t* words() const { return m_words; }
    /// Gives the pages under `held` a private copy, so that their content outlives the ring's reuse. Errors:
    /// RunError.
    void freeze(std::span<const std::uint64_t> held);

private:
    std::uint64_t* m_words = nullptr;
    std::size_t m_bytes = 0;
};

/// The consumer's end of the shared segment: creates it, hands out its rings, frees their memory.
class Segment {
public:
    /// `ring_bytes`: a power of two, at least min_ring_bytes. Errors: InputError for the size, RunError
    /// otherwise.
    explicit Segment(std::uint64_t ring_bytes);
    ~Segment();
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    [[nodiscard]] int descriptor() const { return m_fd; }
    [[nodiscard]] SegmentView view() const { return m_view; }
    [[nodiscard]] std::uint64_t ring_words() const { return m_view.header().ring_bytes / 8; }
    [[nodiscard]] RingMapping map_ring(std::uint32_t ring) const;
    /// Returns a ring that its producer has left to the free ones.
    void free_ring(std::uint32_t ring) const;

private:
    [[nodiscard]] std::uint64_t offset_of(std::uint32_t ring) const;

    int m_fd = -1;
    std::size_t m_size = 0;
    std::byte* m_base = nullptr;
    SegmentView m_view;
};

} // namespace pagewalk::workloads
