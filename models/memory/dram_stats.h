#pragma once

#include "base/histogram.h"
#include "base/stats.h"

#include <cstdint>

namespace pagewalk::models {

/// Of a memory controller. Rows, drains and the bus are counted as they are served, the rest on arrival.
struct DramStats {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0; ///< taken into the write queue
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t row_hits = 0;
    std::uint64_t row_misses = 0;
    std::uint64_t row_conflicts = 0;
    std::uint64_t forwarded = 0; ///< reads served from the write queue
    std::uint64_t merged_writes = 0;
    std::uint64_t drains = 0;
    std::uint64_t bus_busy = 0; ///< ticks, all channels
    std::uint64_t refreshes = 0;
    Histogram read_latency; ///< ticks

    void declare(StatGroup group) const;
};

} // namespace pagewalk::models
