#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

/// Sequential bandwidth, after McCalpin's STREAM.
struct StreamConfig {
    std::uint64_t array_bytes =
        80'000'000;             ///< of each of three arrays; 128 B .. 4 TiB; STREAM's 10 million doubles
    std::uint64_t repeats = 10; ///< of copy, scale, add, triad at the natural end; STREAM's NTIMES
};

/// Four kernels in turn, 32 bytes an iteration: copy c=a, scale b=s*c, add c=a+b, triad a=b+s*c. Footprint:
/// three anonymous mappings; each thread works on its own contiguous part. Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_stream(const CommonConfig& common, const StreamConfig& config);

} // namespace pagewalk::workloads
