#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/vmstat: every line of Linux 6.1 with Debian's configuration, in its order. What the
/// model does not do (swap, compaction by itself, balloons) stays zero.
[[nodiscard]] std::string vmstat_text(const Kernel& kernel);

} // namespace pagewalk::os
