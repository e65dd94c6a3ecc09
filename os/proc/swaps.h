#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/swaps as Linux 6.1 prints it: the swap area, in KiB, where there is one.
[[nodiscard]] std::string swaps_text(const Kernel& kernel);

} // namespace pagewalk::os
