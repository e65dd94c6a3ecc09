#pragma once

#include "os/kernel/kernel.h"

#include <string>

namespace pagewalk::os {

/// The files of every memory cgroup, a line each as "program.N/FILE TEXT", N being the program's number:
/// memory.current and its like in bytes, and the lines of memory.events and memory.stat that are modelled.
/// Empty where no program has limits.
[[nodiscard]] std::string memory_cgroups_text(const Kernel& kernel);

} // namespace pagewalk::os
