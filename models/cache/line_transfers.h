#pragma once

#include "base/time.h"
#include "models/cache/cache.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pagewalk::models {

/// Lines on their way from one private hierarchy to another. A line goes to one requester at a time, in the
/// order of asking: the spans from a request to the line's arrival follow each other without overlap.
///
/// Approximation: the last span of lines of 256 classes is remembered, joined with those that it waited for.
/// Who asks for a moment before the span began comes from a CPU that lags behind: its request was first, and
/// waits for nobody.
class LineTransfers {
public:
    /// When the line is where it is going, if it is on its way at `time`; else `time`.
    [[nodiscard]] Tick arrival(LineNumber line, Tick time) const {
        const Span& span = m_spans[line % size];
        return span.line == line && span.begin <= time ? std::max(time, span.end) : time;
    }
    /// The line was asked for at `time` and arrives at `arrives`.
    void add(LineNumber line, Tick time, Tick arrives) {
        Span& span = m_spans[line % size];
        const bool joins = span.line == line && span.begin <= time && time < span.end;
        if (span.line == line && time < span.begin) return;
        span = {line, joins ? span.begin : time, arrives};
    }

private:
    static constexpr std::size_t size = 256;

    struct Span {
        LineNumber line = ~LineNumber{0};
        Tick begin{};
        Tick end{};
    };
    std::array<Span, size> m_spans{};
};

} // namespace pagewalk::models
