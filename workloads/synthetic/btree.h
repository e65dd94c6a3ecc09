#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

/// Look-ups of uniformly random keys in a B-tree.
struct BtreeConfig {
    std::uint64_t keys = 4'000'000;     ///< 1 .. 2^36
    std::uint64_t lookups = 10'000'000; ///< for each thread at the natural end
};

/// Nodes have 16 children and 15 eight-byte keys (256 bytes, four lines), each level contiguous, the root
/// first. In a node, a binary search of four steps whose branch follows the key; then the child's pointer is
/// loaded, on which the next node depends. Footprint: about 17 bytes a key. Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_btree(const CommonConfig& common, const BtreeConfig& config);

} // namespace pagewalk::workloads
