#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// /proc/PID/smaps, without its VmFlags; empty where there is no such task.
[[nodiscard]] std::string smaps_text(Kernel& kernel, TaskId task);

} // namespace pagewalk::os
