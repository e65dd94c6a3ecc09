#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

/// How events become calls of the allocator.
enum class ReplayOrder : std::uint8_t {
    Automatic, ///< ZoneLocks where CPUs or reclaim make operations overlap, Calls otherwise
    Calls,     ///< one whole call after the other; zone and node are the allocator's choice
    ZoneLocks, ///< each operation where its first event under the zone's lock is
};

struct ReplayOptions {
    ReplayOrder order = ReplayOrder::Automatic;
    /// Describe the first event that differs, with both sides' state.
    bool first_difference = false;
    /// Use the kernel's own tracepoints only, not the capture's probe events.
    bool kernel_events_only = false;
};

/// One phase of a capture's workload.
struct ReplayPhase {
    std::string name;
    std::uint64_t allocations = 0;
    std::uint64_t matched = 0; ///< same frame, or failed on both sides
};

/// What a replay found.
struct ReplayReport {
    std::string capture;
    std::string method; ///< how events were put in order
    std::vector<ReplayPhase> phases;
    std::uint64_t allocations = 0;
    std::uint64_t matched = 0;
    std::uint64_t events = 0;
    double replay_seconds = 0; ///< host time of the replaying itself, without reading the capture
    /// Checks beside the frame of each allocation: refills, drains, fallbacks, frees, in words, with their
    /// counts.
    std::vector<std::pair<std::string, std::uint64_t>> checks;
    std::uint64_t final_lists = 0; ///< free lists, per-CPU lists and counters, pageblock maps
    std::uint64_t final_identical = 0;
    std::vector<std::string> final_differences;
    std::string first_difference; ///< empty when nothing differed or it was not asked for

    [[nodiscard]] bool exact() const { return matched == allocations && final_identical == final_lists; }
    /// `matched N of M allocations (P %), final state K of L lists identical`
    [[nodiscard]] std::string summary() const;
    /// Everything, the summary last.
    [[nodiscard]] std::string text() const;
};

/// Starts the page allocator from a capture's first snapshot, replays its events, and compares every frame
/// and at the end every list with the second snapshot. `path` is a capture's folder or its .tar.xz. Errors:
/// InputError for a capture that is damaged, incomplete or inconsistent.
[[nodiscard]] ReplayReport replay_capture(const std::string& path, const ReplayOptions& options = {});

} // namespace pagewalk::os
