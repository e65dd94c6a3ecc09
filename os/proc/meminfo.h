#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/meminfo, as Linux 6.1 prints it with Debian's configuration. Lines about what the model
/// does not have (swap, huge pages, writeback) are zero.
[[nodiscard]] std::string meminfo_text(const Kernel& kernel);

} // namespace pagewalk::os
