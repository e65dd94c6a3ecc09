#pragma once

#include "os/path/kernel_events.h"
#include "os/replay/program_report.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What happened to a job's file: the one with most pages brought into the page cache.
struct FileTrace {
    struct Step {
        std::string marker;               ///< at which the step ends
        std::vector<std::uint64_t> added; ///< page indices, in order
        std::vector<std::uint64_t> deleted;
    };
    std::vector<Step> steps;
    std::map<std::uint64_t, std::uint64_t> reads; ///< how many of each size, in sectors; without metadata
};

/// Reads a job's trace.txt. Errors: InputError naming the line and the field.
[[nodiscard]] FileTrace parse_file_trace(std::string_view text, const std::string& name);

/// Puts the same together of a simulation.
class FileTraceRecorder {
public:
    /// Events since the last marker, whose number this is.
    void end_step(const std::string& marker, std::span<const FilemapEvent> events);
    void add_requests(std::span<const BlockEvent> events);
    [[nodiscard]] FileTrace take();

private:
    struct Step {
        std::string marker;
        std::vector<FilemapEvent> events;
    };
    std::vector<Step> m_steps;
    std::map<std::uint64_t, std::uint64_t> m_reads;
};

/// Holds the steps that both have against each other, and the requests of the whole job.
void compare_file_traces(const FileTrace& real, const FileTrace& ours, ProgramReport& report);

} // namespace pagewalk::os
