#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// When the data of those reads has come that a channel knew of at a moment, in clocks. Reads come with time
/// stamps that need not ascend: one that is known only later does not count. Kept for spans of 64 clocks of
/// when reads became known; one that became known `reach` clocks ago counts as served.
class ReadEnds {
public:
    static constexpr std::uint64_t reach = 2048;

    /// A read known at `known` has its data by `end`.
    void add(std::uint64_t known, std::uint64_t end) {
        Span& span = m_spans[known / span_clocks % span_count];
        if (span.number > known / span_clocks) return;
        if (span.number < known / span_clocks) span = {known / span_clocks, 0};
        span.end = std::max(span.end, end);
        m_last = std::max(m_last, end);
    }
    /// The end of the last data of all reads known by `time`; 0 where there are none.
    [[nodiscard]] std::uint64_t latest(std::uint64_t time) const {
        if (time >= m_last) return m_last;
        std::uint64_t end = 0;
        const std::uint64_t here = time / span_clocks;
        for (std::uint64_t number = here - std::min(here, reach / span_clocks - 1); number <= here; ++number)
            if (const Span& span = m_spans[number % span_count]; span.number == number)
                end = std::max(end, span.end);
        return end;
    }

private:
    static constexpr std::uint64_t span_clocks = 64, span_count = 256;
    struct Span {
        std::uint64_t number = 0;
        std::uint64_t end = 0;
    };

    std::array<Span, span_count> m_spans{};
    std::uint64_t m_last = 0; ///< of all reads
};

} // namespace pagewalk::models
