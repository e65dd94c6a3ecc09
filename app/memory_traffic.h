#pragma once

#include "app/memory_chase.h"
#include "app/system_config.h"

#include <vector>

namespace pagewalk::app {

// What many cores at once get out of a machine's memory. A core keeps as many lines under way as its L1D has
// MSHRs; its loads and stores go through its caches, so that a stored line is read and later written back.
// Bandwidth is what DRAM moves, in GB/s of 10^9 bytes. Throw ConfigError where the machine has no room.

/// bandwidth.reads, .3:1, .2:1, .1:1: all cores of all sockets stream their own node's memory, by reads and
/// writes.
[[nodiscard]] std::vector<Measurement> bandwidths_by_mix(const SystemConfig& config);
/// node_bandwidth.N.M: all cores of node N read node M's memory.
[[nodiscard]] std::vector<Measurement> bandwidths_by_node(const SystemConfig& config);
/// core_bandwidth.reads.N, .copy.N: N cores of the first node.
[[nodiscard]] std::vector<Measurement> bandwidths_by_cores(const SystemConfig& config);

/// A point of the loaded-latency curve.
struct LoadedLatency {
    double gb_s = 0; ///< that all cores but one read
    double ns = 0;   ///< of the last one's dependent loads of random lines of its node
};
/// From the least load to the most.
[[nodiscard]] std::vector<LoadedLatency> loaded_latencies(const SystemConfig& config);

} // namespace pagewalk::app
