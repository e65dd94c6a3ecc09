#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// /proc/PID/smaps; of the VmFlags those that are modelled. Empty where there is no such task.
[[nodiscard]] std::string smaps_text(Kernel& kernel, TaskId task);
/// /proc/PID/smaps_rollup: the sum of all areas. Likewise.
[[nodiscard]] std::string smaps_rollup_text(Kernel& kernel, TaskId task);

} // namespace pagewalk::os
