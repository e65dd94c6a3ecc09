#pragma once

#include "contract/kernel_path.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// The machine that a live program sees in place of the host.
struct SeenMachine {
    std::string folder;                     ///< its files: <folder>/proc/meminfo stands in for /proc/meminfo
    std::vector<std::uint32_t> node_of_cpu; ///< one for each CPU
    std::uint64_t memory = 0, free = 0;     ///< bytes
    CpuMask allowed = CpuMask().set();      ///< where its first thread may run
};

/// Where a process finds its own file of /proc/self, in a machine's folder.
[[nodiscard]] inline std::string process_file(const std::string& folder, std::int32_t pid,
                                              std::string_view file) {
    return folder + "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

} // namespace pagewalk::workloads
