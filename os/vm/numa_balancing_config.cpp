#include "os/vm/numa_balancing_config.h"

#include "base/error.h"

namespace pagewalk::os {

void NumaBalancingConfig::declare(OptionGroup numa_balancing) {
    constexpr OptionRange times{1'000'000 * ticks_per_ns, 3600 * ticks_per_second};
    numa_balancing.flag("enabled", enabled,
                        {Unit::None,
                         "whether pages move to the node of the CPU that uses them, which page faults on "
                         "purpose tell",
                         "Debian 6.1: CONFIG_NUMA_BALANCING_DEFAULT_ENABLED"});
    numa_balancing.number(
        "scan_delay", scan_delay, times,
        {Unit::Ticks, "how long a task runs before its memory is looked at", "Linux 6.1: scan_delay_ms"});
    numa_balancing.number("scan_period_min", scan_period_min, times,
                          {Unit::Ticks, "least time that a task runs between two scans of its memory",
                           "Linux 6.1: scan_period_min_ms"});
    numa_balancing.number(
        "scan_period_max", scan_period_max, times,
        {Unit::Ticks, "most of it, where scans lead to nothing", "Linux 6.1: scan_period_max_ms"});
    numa_balancing.number("scan_size", scan_size, {1ULL << 20, 2560ULL << 20},
                          {Unit::Bytes, "memory that one scan marks", "Linux 6.1: scan_size_mb"});
}

void NumaBalancingConfig::validate() const {
    if (scan_period_max < scan_period_min)
        throw ConfigError("os.numa_balancing.scan_period_max: must be at least scan_period_min");
}

} // namespace pagewalk::os
