#pragma once

#include "results/run_reader.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::results {

/// A call of a kernel function. `depth` 0 is what nobody traced has called.
struct TracedCall {
    std::uint64_t time = 0;     ///< ps, entry
    std::uint64_t duration = 0; ///< ps
    std::uint64_t task = 0;
    std::uint64_t cpu = 0;
    std::uint64_t depth = 0;
    std::string function;
};

/// The calls as ftrace's function_graph tracer prints them: a line an entry and an exit (one for a call
/// without calls), with the duration and its marks + (over 10 us), ! (100 us), # (1 ms), * (10 ms), @ (100
/// ms) and $ (1 s). Contract: the calls of one CPU come in order of entry. Source of the format:
/// Documentation/trace/ftrace.rst of Linux 6.1.
[[nodiscard]] std::string function_graph_text(std::span<const TracedCall> calls);

/// The first `most` rows of /events/functions. Throws InputError where the run has none.
[[nodiscard]] std::vector<TracedCall> traced_calls(const RunReader& run, std::uint64_t most);

} // namespace pagewalk::results
