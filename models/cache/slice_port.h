#pragma once

#include "base/time.h"
#include "models/cache/four_times.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// When the port of a cache slice is taken. Requests reserve it with timestamps that need not ascend, each
/// for the same time: a request takes the first gap not before its own time. Answers as Timeline<64> does for
/// spans of one length, and remembers and forgets the same; that length makes every gap between two busy
/// spans long enough, so that nobody looks further than the first.
class SlicePort {
public:
    /// `use`: how long a request has the port.
    explicit SlicePort(Tick use) : m_use(static_cast<std::int64_t>(use.value())) {}

    /// Takes the first free moment not before `earliest`. Returns it.
    Tick reserve(Tick earliest) {
        auto start = static_cast<std::int64_t>(earliest.value());
        std::size_t i = first_ending_after(start);
        if (i < m_end && m_begins[i] < start + m_use) start = m_ends[i++];
        insert(i, start, start + m_use);
        return Tick(static_cast<std::uint64_t>(start));
    }

private:
    static constexpr std::size_t capacity = 64;
    static constexpr std::size_t block = 16; ///< spans looked at before anything is decided

    [[nodiscard]] std::size_t first_ending_after(std::int64_t time) const {
        // Nearly all requests are among the last. What is seen below the first span does not count.
        for (std::size_t i = m_end; i > m_first; i -= block) {
            const auto ended = [&](std::size_t k) { return lanes_of(load_four(&m_ends[i - k]) <= time); };
            const unsigned all = ended(16) | ended(12) << 4 | ended(8) << 8 | ended(4) << 12;
            if (all != 0) return std::max(m_first, i - block + static_cast<unsigned>(std::bit_width(all)));
        }
        return m_first;
    }

    /// `i`: of the span before which it lies. Spans that leave too short a gap become one.
    void insert(std::size_t i, std::int64_t begin, std::int64_t end) {
        const bool joins_left = i > m_first && begin - m_ends[i - 1] < m_use;
        const bool joins_right = i < m_end && m_begins[i] - end < m_use;
        if (joins_left && joins_right) {
            m_ends[i - 1] = m_ends[i];
            std::copy(&m_begins[i] + 1, &m_begins[m_end], &m_begins[i]);
            std::copy(&m_ends[i] + 1, &m_ends[m_end], &m_ends[i]);
            --m_end;
        } else if (joins_left) {
            m_ends[i - 1] = end;
        } else if (joins_right) {
            m_begins[i] = begin;
        } else {
            add(i, begin, end);
        }
    }

    void add(std::size_t i, std::int64_t begin, std::int64_t end) {
        if (m_end - m_first == capacity) {
            if (i == m_first) return;
            ++m_first;
        }
        if (m_end == m_ends.size()) {
            const std::size_t by = m_first - block;
            std::copy(&m_begins[m_first], m_begins.end(), &m_begins[block]);
            std::copy(&m_ends[m_first], m_ends.end(), &m_ends[block]);
            m_first -= by;
            m_end -= by;
            i -= by;
        }
        for (std::size_t later = m_end++; later > i; --later) {
            m_begins[later] = m_begins[later - 1];
            m_ends[later] = m_ends[later - 1];
        }
        m_begins[i] = begin;
        m_ends[i] = end;
    }

    std::int64_t m_use;
    // The spans, oldest first, are those from m_first to m_end: a window that moves up and is now and then
    // put back. Below it there is room for a look at a block.
    std::size_t m_first = block;
    std::size_t m_end = block;
    std::array<std::int64_t, 2 * capacity + block> m_begins{}, m_ends{};
};

} // namespace pagewalk::models
