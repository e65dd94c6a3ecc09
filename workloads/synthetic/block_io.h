#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

enum class IoPattern : std::uint8_t { Random, Sequential };

/// Direct I/O on the block device, as fio's io_uring or libaio jobs make it (contract/driver_calls.h).
struct BlockIoConfig {
    IoPattern pattern = IoPattern::Random;
    std::uint32_t block_bytes = 4096; ///< 4096 .. 1 MiB, in pages
    std::uint32_t read_percent = 100;
    std::uint32_t queue_depth = 1;     ///< of each thread
    std::uint32_t batch = 1;           ///< requests a call; at most the queue depth
    std::uint64_t span = 64ULL << 30;  ///< bytes; sequential threads have equal parts of it
    std::uint64_t operations = 10'000; ///< requests of each thread at the natural end
};

/// Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_block_io(const CommonConfig& common,
                                                      const BlockIoConfig& config);

} // namespace pagewalk::workloads
