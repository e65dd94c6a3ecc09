#pragma once

#include "contract/kernel_path.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// The machine that a live program sees in place of the host.
struct SeenMachine {
    std::string folder;                     ///< its files: <folder>/proc/meminfo stands in for /proc/meminfo
    std::vector<std::uint32_t> node_of_cpu; ///< one for each CPU
    std::uint64_t memory = 0, free = 0;     ///< bytes
    CpuMask allowed = CpuMask().set();      ///< where its first thread may run
};

} // namespace pagewalk::workloads
