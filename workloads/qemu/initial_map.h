#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/guest_process.h"

#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// What QEMU's `-d page` log says of the program as loaded, with file names from the host's /proc/self/maps
/// (the program's addresses are the host's). Left out: the guard page below the stack, the emulator's own two
/// pages for descriptor tables, vsyscall. The stack is whole (QEMU maps it at its limit, 8 MiB by default),
/// marked grows_down; the heap is an empty mapping at the break. Errors: RunError when the log is not as
/// QEMU 7.2 writes it.
[[nodiscard]] std::vector<InitialMapping> parse_initial_map(std::string_view qemu_log,
                                                            std::string_view host_maps);

/// Loads the program in a QEMU that stops before the first instruction, and reads its map. `qemu_arguments`
/// come after QEMU's own options. Errors: InputError with QEMU's message when it cannot load the program or
/// the plugin.
[[nodiscard]] std::vector<InitialMapping> probe_initial_map(ProcessSetup setup,
                                                            const std::string& plugin_option,
                                                            const std::vector<std::string>& qemu_arguments);

} // namespace pagewalk::workloads
