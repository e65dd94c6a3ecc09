#pragma once

#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// How many accesses a cache can begin in a span of time. Accesses come with time stamps that need not
/// ascend: each begins in the first cycle, not before its own, whose span has room, so that no span ever has
/// more than it can hold and none waits while there is room. Requests for one line that wait together are
/// served together.
///
/// Approximation: the last `remembered` spans are remembered; of what is older all counts as free.
class AccessPort {
public:
    /// `accesses` in each `span` cycles; 0: no limit.
    AccessPort(std::uint32_t accesses, std::uint32_t span)
        : m_accesses(accesses), m_span(span), m_spans(accesses == 0 ? 0 : remembered),
          m_waiting(accesses == 0 ? 0 : lines) {}

    [[nodiscard]] bool limits() const { return m_accesses != 0; }
    /// When an access that comes at `cycle` begins. Contract: limits().
    [[nodiscard, gnu::noinline]] std::uint64_t begin(std::uint64_t cycle) {
        std::uint64_t number = cycle / m_span;
        for (;; ++number) {
            Span& span = m_spans[number & (remembered - 1)];
            if (span.number > number) return cycle; // too long ago to be remembered
            if (span.number < number) span = {number, 0};
            if (span.taken == m_accesses) continue;
            ++span.taken;
            return number == cycle / m_span ? cycle : number * m_span;
        }
    }
    /// The same for a read of a line, which waits with those of its line that wait already.
    [[nodiscard, gnu::noinline]] std::uint64_t begin_read(std::uint64_t cycle, std::uint64_t line) {
        Waiting& waiting = m_waiting[line & (lines - 1)];
        if (waiting.line == line && waiting.begins > cycle) return waiting.begins;
        const std::uint64_t begins = begin(cycle);
        waiting = {line, begins};
        return begins;
    }

private:
    static constexpr std::uint64_t remembered = 4096;
    static constexpr std::uint64_t lines = 256;

    struct Span {
        std::uint64_t number = 0;
        std::uint32_t taken = 0;
    };
    struct Waiting {
        std::uint64_t line = ~0ULL;
        std::uint64_t begins = 0;
    };

    std::uint32_t m_accesses;
    std::uint32_t m_span;
    std::vector<Span> m_spans;
    std::vector<Waiting> m_waiting;
};

} // namespace pagewalk::models
