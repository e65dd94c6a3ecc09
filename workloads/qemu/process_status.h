#pragma once

#include <string>
#include <string_view>

namespace pagewalk::workloads {

/// A process's /proc/<pid>/status: the host's lines about the emulator, with the simulated kernel's in the
/// place of those that it has too. `name`: of the program, in the place of the emulator's; empty: the host's.
[[nodiscard]] std::string joined_status(std::string_view hosts, std::string_view simulated,
                                        std::string_view name);

} // namespace pagewalk::workloads
