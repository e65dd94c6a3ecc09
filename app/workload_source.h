#pragma once

#include "app/system_config.h"
#include "contract/instruction_stream.h"
#include "workloads/qemu/seen_machine.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// What live programs find around them.
struct ProgramSurroundings {
    std::string directory;                         ///< that they run in; empty: ours
    std::optional<workloads::SeenMachine> machine; ///< absent: the host
};

/// The recording or trace in a file. Throws InputError.
[[nodiscard]] std::unique_ptr<Workload> open_trace_file(const SystemConfig& config, const std::string& path);

/// Runs workload.setup on the host. Throws InputError where it fails.
void run_setup(const WorkloadConfig& config, const std::string& directory);

/// Starts the command of a [program.N] section. Throws InputError.
[[nodiscard]] std::unique_ptr<Workload> start_command(const ProgramConfig& program,
                                                      const ProgramSurroundings& surroundings);

/// The workload that [workload] names; `program` (the words after --) and `trace` (--trace) come before it.
/// Throws InputError.
[[nodiscard]] std::unique_ptr<Workload> open_workload(const SystemConfig& config,
                                                      std::span<const std::string> program,
                                                      const std::string& trace,
                                                      const ProgramSurroundings& surroundings = {});

} // namespace pagewalk::app
