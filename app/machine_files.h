#pragma once

#include "app/system_config.h"
#include "os/kernel/kernel.h"
#include "workloads/qemu/seen_machine.h"

#include <filesystem>

namespace pagewalk::app {

/// Writes the files of /proc and /sys that tell a program on which machine it runs, as they are when the
/// simulated kernel has booted, below `folder`: CPUs, their caches and nodes; memory; transparent huge pages.
/// Numbers that change (times, counters) stay as they are written. Errors: RunError.
[[nodiscard]] workloads::SeenMachine write_machine_files(const std::filesystem::path& folder,
                                                         const SystemConfig& config,
                                                         const os::Kernel& kernel);

} // namespace pagewalk::app
