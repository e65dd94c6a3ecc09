#pragma once

#include "base/time.h"

#include <algorithm>
#include <array>
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
    explicit SlicePort(Tick use) : m_use(use.value()) {}

    /// Takes the first free moment not before `earliest`. Returns it.
    Tick reserve(Tick earliest) {
        std::size_t i = first_ending_after(earliest.value());
        std::uint64_t start = earliest.value();
        if (i < m_end && m_spans[i].begin < start + m_use) start = m_spans[i++].end;
        insert(i, start, start + m_use);
        return Tick(start);
    }

private:
    static constexpr std::size_t capacity = 64;
    static constexpr std::size_t near = 8;
    struct Span {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    [[nodiscard]] std::size_t first_ending_after(std::uint64_t time) const {
        // Nearly all requests are among the last.
        std::size_t i = m_end;
        for (const std::size_t stop = m_end - m_begin > near ? m_end - near : m_begin; i > stop; --i)
            if (m_spans[i - 1].end <= time) return i;
        const auto* const first = m_spans.data() + m_begin;
        const auto* const found = std::partition_point(first, m_spans.data() + i,
                                                       [time](const Span& span) { return span.end <= time; });
        return static_cast<std::size_t>(found - m_spans.data());
    }

    /// `i`: of the span before which it lies. Spans that leave too short a gap become one.
    void insert(std::size_t i, std::uint64_t begin, std::uint64_t end) {
        const bool joins_left = i > m_begin && begin - m_spans[i - 1].end < m_use;
        const bool joins_right = i < m_end && m_spans[i].begin - end < m_use;
        if (joins_left && joins_right) {
            m_spans[i - 1].end = m_spans[i].end;
            std::copy(&m_spans[i] + 1, m_spans.data() + m_end, &m_spans[i]);
            --m_end;
        } else if (joins_left) {
            m_spans[i - 1].end = end;
        } else if (joins_right) {
            m_spans[i].begin = begin;
        } else {
            add(i, {begin, end});
        }
    }

    void add(std::size_t i, Span span) {
        if (m_end - m_begin == capacity) {
            if (i == m_begin) return;
            ++m_begin;
        }
        if (m_end == m_spans.size()) {
            std::copy(m_spans.data() + m_begin, m_spans.data() + m_end, m_spans.data());
            i -= m_begin;
            m_end -= m_begin;
            m_begin = 0;
        }
        for (std::size_t later = m_end++; later > i; --later) m_spans[later] = m_spans[later - 1];
        m_spans[i] = span;
    }

    std::uint64_t m_use;
    // The spans, oldest first, are those from m_begin to m_end: a window that moves up and is now and then
    // put back.
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
    std::array<Span, 2 * capacity> m_spans{};
};

} // namespace pagewalk::models
