#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/<pid>/maps, as Linux 6.1 prints it. Files are on device 08:01 (assumed), with inode
/// numbers in the order in which they were first opened. Empty for a task that does not exist.
[[nodiscard]] std::string maps_text(const Kernel& kernel, TaskId task);
/// The line of one area of it.
[[nodiscard]] std::string area_line(const Kernel& kernel, const AddressSpace& space, const Vma& area);

} // namespace pagewalk::os
