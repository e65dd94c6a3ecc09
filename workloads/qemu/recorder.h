#pragma once

#include "workloads/qemu/live_program.h"

#include <cstdint>
#include <functional>
#include <string>

namespace pagewalk::workloads {

struct RecordOptions {
    LiveOptions live;
    std::string file;          ///< .pwt, overwritten
    int compression_level = 1; ///< zstd's; 1 keeps up best with the program
};

struct RecordSummary {
    std::uint64_t instructions = 0; ///< of all threads
    std::uint64_t threads = 0;
    std::uint64_t file_bytes = 0;
    ProcessEnd end;      ///< the program's
    std::string missing; ///< why not all of what the program did is recorded; empty: all is
};

struct RecordWatch {
    std::function<void(const RecordSummary&)> progress; ///< called after each chunk
    std::function<bool()> stop;                         ///< true: end the recording, and the program, now
};

/// Runs a program to its end and records the streams of all its threads and child processes. Errors: as
/// LiveProgram; InputError when the file cannot be created; RunError when the disk fills (what was recorded
/// so far can be read).
RecordSummary record(const RecordOptions& options, const RecordWatch& watch = {});

} // namespace pagewalk::workloads
