#pragma once

#include "app/system_config.h"

#include <string>
#include <vector>

namespace pagewalk::app {

/// One figure of a machine, measured or published.
struct Measurement {
    std::string name; ///< "idle_latency.0.1"
    std::string unit;
    double value = 0;
};

// What one dependent load at a time meets: each takes from its address to its data. Machines are those of
// BareHardware, a new one each time. Throw ConfigError where the machine has no room.

/// latency.4k.SIZE and latency.2m.SIZE: mean ns of loads of random lines of so many bytes of local memory,
/// from 16 KiB to 128 MiB, as lat_mem_rd -t.
[[nodiscard]] std::vector<Measurement> footprint_latencies(const SystemConfig& config);
/// tlb.l1_4k, tlb.l2_4k: pages that the levels hold, each the most that a loop over one line of each page
/// translates without a miss; tlb.l2_hit and tlb.walk: cycles that a miss of the first level, and of both,
/// adds.
[[nodiscard]] std::vector<Measurement> tlb_reach(const SystemConfig& config);
/// idle_latency.N.M: ns of loads from a CPU of node N of random lines of node M's memory, pages of 2 MiB.
/// Nodes without CPUs only answer.
[[nodiscard]] std::vector<Measurement> idle_latencies(const SystemConfig& config);
/// cache_to_cache.local_hit, .local_hitm: ns of loads of lines that another core's L2 holds, clean and
/// modified; .remote_hitm_writer, .remote_hitm_reader: of another socket's core, homed with the writer and
/// with the reader.
[[nodiscard]] std::vector<Measurement> cache_to_cache_latencies(const SystemConfig& config);

} // namespace pagewalk::app
