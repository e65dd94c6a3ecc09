#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

/// Random updates of a table, after HPC Challenge RandomAccess.
struct GupsConfig {
    std::uint64_t table_bytes = 1ULL << 30; ///< 8 B .. 16 TiB, in 8-byte words
    std::uint64_t updates_per_word = 4;     ///< at the natural end; HPCC's rule
    bool atomic = false;                    ///< updates have a lock prefix
};

/// 8 instructions an update: the next of a shift-register sequence, its index, and a read-modify-write of
/// that word, uniformly drawn. Footprint: the table, one anonymous mapping shared by all threads. Errors:
/// ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_gups(const CommonConfig& common, const GupsConfig& config);

} // namespace pagewalk::workloads
