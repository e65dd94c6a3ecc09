#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

/// Dependent loads around one random cycle.
struct PointerChaseConfig {
    std::uint64_t bytes = 256ULL << 20; ///< footprint; one element or more, up to 16 TiB
    std::uint64_t stride = 64;          ///< bytes an element: 64 visits lines, 4096 visits pages; 8 .. 1 GiB
    std::uint64_t cycles = 1;           ///< times around at the natural end
};

/// 3 instructions a step: load the next pointer, count, branch. Each element is visited once a cycle. Threads
/// go round the same cycle from places spread evenly. Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_pointer_chase(const CommonConfig& common,
                                                           const PointerChaseConfig& config);

} // namespace pagewalk::workloads
