#pragma once

#include "results/host_facts.h"
#include "results/recorded_table.h"
#include "results/run_state.h"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

namespace pagewalk::results {

/// Version of results/schema.md. Raised when something is renamed, removed or changes its meaning.
inline constexpr std::uint64_t schema_version = 2;
inline constexpr std::size_t status_bytes = 24;
inline constexpr std::size_t status_text_bytes = 1024;

/// Everything one results file holds.
struct RunContent {
    const RunMeta& meta;
    RunStatus status;
    std::string status_text;
    const RunState& state;
    const std::deque<RecordedEvents>& events;
    const std::deque<RecordedIntervals>& intervals;
    ChunkSpool& spool; ///< drained
    HostFacts host;
    std::string start_time;
    std::string end_time;
    double host_seconds = 0;
};

/// Writes the whole file in one pass, so that its bytes depend on the content alone: not on when checkpoints
/// were taken. What depends on the host comes last. Throws Hdf5Error or std::system_error; the file then is
/// incomplete.
void build_run_file(const std::filesystem::path& file, const RunContent& content);

/// Overwrites the status of a finished file in place, which needs no further space on the disk. Longer texts
/// are cut. Throws Hdf5Error.
void overwrite_status(const std::filesystem::path& file, RunStatus status, const std::string& status_text);

} // namespace pagewalk::results
