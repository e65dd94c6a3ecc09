#pragma once

#include "base/option.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk::os {

/// Automatic NUMA balancing, as /proc/sys/kernel/numa_balancing and /sys/kernel/debug/sched/numa_balancing
/// have it.
struct NumaBalancingConfig {
    bool enabled = true;
    Tick scan_delay{ticks_per_second};
    Tick scan_period_min{ticks_per_second};
    Tick scan_period_max{60 * ticks_per_second};
    std::uint64_t scan_size = 256ULL << 20; ///< bytes

    void declare(OptionGroup numa_balancing);
    /// Throws ConfigError where the periods contradict each other.
    void validate() const;
};

} // namespace pagewalk::os
