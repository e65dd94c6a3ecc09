#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The Vm and Rss lines of /proc/PID/status, VmPeak as of now, which is not kept; empty where there is no
/// such task. VmExe is the first area of a file that can be executed, VmLib all others of the kind.
[[nodiscard]] std::string status_memory_text(Kernel& kernel, TaskId task);
/// /proc/PID/statm, in pages; likewise.
[[nodiscard]] std::string statm_text(Kernel& kernel, TaskId task);

} // namespace pagewalk::os
