#pragma once

#include "os/replay/capture_files.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// One program's run in a capture: what was run and what was recorded of it.
struct ProgramJob {
    enum class Recorded : std::uint8_t {
        Steps, ///< /proc texts at each marker
        Walks, ///< page tables at each marker, and the allocators' state before and after
    };
    std::string name;                  ///< its folder
    std::string folder;                ///< what the names of its files begin with, "split/"
    std::string group;                 ///< likewise of the files that the jobs of a boot share
    std::vector<std::string> command;  ///< the program as the captured machine named it, and its arguments
    std::vector<std::string> settings; ///< "PATH VALUE" of what was written to /proc and /sys before the run
    std::vector<std::string> files;    ///< "PATH MIB" of the files that existed before the run
    Recorded recorded = Recorded::Steps;
};

/// The machine that a group of jobs was run on.
struct ProgramMachine {
    std::uint64_t memory = 0; ///< bytes
    std::uint32_t cpus = 1;
    std::vector<std::uint64_t> node_memory; ///< bytes; empty: one node
    std::string command_line;               ///< of its kernel
};

/// The jobs of a capture, by name; none where it is of another kind. Errors: InputError naming the file and
/// the line that cannot be understood.
[[nodiscard]] std::vector<ProgramJob> find_program_jobs(const CaptureFiles& files);

/// Reads capture.txt. Errors: InputError naming what is missing.
[[nodiscard]] ProgramMachine program_machine(std::string_view text, const std::string& name);

} // namespace pagewalk::os
