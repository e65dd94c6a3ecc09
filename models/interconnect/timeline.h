#pragma once

#include "base/time.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// When a resource that serves one user at a time (a port, a bus, a link) is taken. Users reserve spans with
/// timestamps that need not ascend: a reservation takes the first gap that is long enough and not before its
/// time. The last `Capacity` busy spans are remembered; what is older counts as free, so that a user who
/// comes too late is never delayed by what was forgotten. Spans that touch, or leave a gap shorter than
/// `smallest_use`, are one span. Never allocates.
template <std::size_t Capacity>
requires(std::has_single_bit(Capacity)) class Timeline {
public:
    /// `smallest_use`: gaps shorter than this are of no use to anybody.
    explicit Timeline(Tick smallest_use = Tick(1)) : m_smallest_use(smallest_use.value()) {}

    /// The first moment not before `earliest` at which `duration` is free.
    [[nodiscard]] Tick find(Tick earliest, Tick duration) const {
        std::size_t position;
        return Tick(find(earliest.value(), duration.value(), position));
    }

    /// Takes the first free span. Returns its start.
    Tick reserve(Tick earliest, Tick duration) {
        std::size_t position;
        const std::uint64_t start = find(earliest.value(), duration.value(), position);
        insert(position, start, start + duration.value());
        return Tick(start);
    }

    /// Marks all of [from, to) as taken, whatever lies in it.
    void block(Tick from, Tick to) {
        std::uint64_t begin = from.value(), end = to.value();
        std::size_t position = m_count;
        while (position > 0 && span(position - 1).end >= begin) --position;
        while (position < m_count && span(position).begin <= end) {
            begin = std::min(begin, span(position).begin);
            end = std::max(end, span(position).end);
            erase(position);
        }
        insert(position, begin, end);
    }

    /// End of the last busy span; 0 when there was none.
    [[nodiscard]] Tick last_end() const { return Tick(m_count == 0 ? 0 : span(m_count - 1).end); }
    [[nodiscard]] std::size_t span_count() const { return m_count; }

private:
    struct Span {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    // A ring, oldest span first: what is added at the end or forgotten at the front moves nothing.
    [[nodiscard]] Span& span(std::size_t i) { return m_spans[(m_first + i) % Capacity]; }
    [[nodiscard]] const Span& span(std::size_t i) const { return m_spans[(m_first + i) % Capacity]; }

    /// `position` becomes the index of the span before which the gap lies.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint64_t duration,
                                     std::size_t& position) const {
        std::size_t i = 0;
        for (std::size_t high = m_count; i < high;) {
            const std::size_t middle = (i + high) / 2;
            if (span(middle).end > earliest)
                high = middle;
            else
                i = middle + 1;
        }
        std::uint64_t start = earliest;
        for (; i < m_count && span(i).begin < start + duration; ++i) start = span(i).end;
        position = i;
        return start;
    }

    void insert(std::size_t position, std::uint64_t begin, std::uint64_t end) {
        const bool joins_left = position > 0 && begin - span(position - 1).end < m_smallest_use;
        const bool joins_right = position < m_count && span(position).begin - end < m_smallest_use;
        if (joins_left) {
            span(position - 1).end = joins_right ? span(position).end : end;
            if (joins_right) erase(position);
        } else if (joins_right) {
            span(position).begin = begin;
        } else {
            if (m_count == Capacity) {
                if (position == 0) return;
                m_first = (m_first + 1) % Capacity;
                --m_count;
                --position;
            }
            for (std::size_t i = m_count; i > position; --i) span(i) = span(i - 1);
            span(position) = {begin, end};
            ++m_count;
        }
    }

    void erase(std::size_t position) {
        for (std::size_t i = position + 1; i < m_count; ++i) span(i - 1) = span(i);
        --m_count;
    }

    std::uint64_t m_smallest_use;
    std::size_t m_first = 0;
    std::size_t m_count = 0;
    std::array<Span, Capacity> m_spans{};
};

} // namespace pagewalk::models
