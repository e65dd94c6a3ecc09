#pragma once

#include "os/kernel/kernel.h"

#include <string>
#include <string_view>

namespace pagewalk::os {

/// The text of /proc/<pid>/numa_maps, as Linux 6.1 prints it. Empty for a task that does not exist, as below.
[[nodiscard]] std::string numa_maps_text(Kernel& kernel, TaskId task);
/// Of /proc/<pid>/status the lines about memory, threads, CPUs and nodes, and that nobody traces or filters
/// it.
[[nodiscard]] std::string status_text(Kernel& kernel, TaskId task);

/// The text of one of the files that calls_about_memory.h names; empty for others.
[[nodiscard]] std::string process_file_text(Kernel& kernel, TaskId task, std::string_view file);

} // namespace pagewalk::os
