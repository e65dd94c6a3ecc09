#pragma once

#include "workloads/qemu/live_program.h"

#include <cstdint>
#include <functional>
#include <string>

namespace pagewalk::workloads {

struct RecordOptions {
    LiveOptions live;
    std::string file;          ///< .pwt; an earlier recording is replaced once this one is whole
    int compression_level = 1; ///< zstd's; 1 keeps up best with the program
};

struct RecordSummary {
    std::uint64_t instructions = 0; ///< of all threads
    std::uint64_t threads = 0;
    std::string file; ///< where it is: RecordOptions::file, or FILE.partial
    std::uint64_t file_bytes = 0;
    ProcessEnd end;      ///< the program's
    std::string missing; ///< why not all of what the program did is recorded; empty: all is
};

struct RecordWatch {
    std::function<void(const RecordSummary&)> progress; ///< called after each chunk
    std::function<bool()> stop;                         ///< true: end the recording, and the program, now
};

/// Runs a program to its end and records the streams of all its threads and child processes. The recording
/// grows as FILE.partial and gets its name in the end; one that lacks something leaves an earlier one alone.
/// Errors: as LiveProgram; InputError when the file cannot be created (base/output_claim.h); RunError when
/// the disk fills (what was recorded so far can be read in FILE.partial).
RecordSummary record(const RecordOptions& options, const RecordWatch& watch = {});

} // namespace pagewalk::workloads
