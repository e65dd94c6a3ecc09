#pragma once

#include "base/stats.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

/// What one cache counts. An access either hits, or merges with a miss under way, or misses. (ChampSim's MISS
/// is misses + merges.)
struct CacheStats {
    std::uint64_t accesses = 0; ///< demand: loads, stores, fetches, walks
    std::uint64_t misses = 0;
    std::uint64_t merges = 0;
    std::uint64_t walk_accesses = 0; ///< part of accesses
    std::uint64_t walk_misses = 0;
    std::uint64_t write_backs_in = 0;
    std::uint64_t write_backs_out = 0;
    std::uint64_t prefetches = 0;
    std::uint64_t prefetches_useful = 0;
    std::uint64_t prefetches_late = 0; ///< part of useful
    std::uint64_t mshr_waits = 0;
    std::uint64_t miss_time = 0; ///< from the miss to its data, summed
    std::uint64_t upgrades = 0;
    std::uint64_t snoop_invalidations = 0;
    std::uint64_t snoop_downgrades = 0;

    /// `time_unit` is that of miss_time.
    void declare(StatGroup group, const char* time_unit) const;
};

} // namespace pagewalk::models
