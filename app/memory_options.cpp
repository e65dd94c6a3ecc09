#include "app/memory_options.h"

#include "base/error.h"
#include "base/units.h"

namespace pagewalk::app {

namespace {

constexpr std::uint64_t least_limit = 1ULL << 20; // a program's start takes some hundred KiB

std::uint64_t pages_below(std::uint64_t bytes) {
    return bytes == 0 ? os::MemoryLimits::none : bytes >> page_shift;
}

} // namespace

void MemoryOptions::declare(OptionGroup group) {
    group.number("memory_limit", limit, {},
                 {Unit::Bytes,
                  "memory that its processes together may be charged for, as memory.max of a memory cgroup: "
                  "beyond it the kernel reclaims from them, and where that does not help kills the largest "
                  "(0: no limit)",
                  "user"});
    group.number("memory_high", high, {},
                 {Unit::Bytes,
                  "memory.high: beyond it the kernel reclaims from its processes and makes them wait (0: no "
                  "limit)",
                  "user"});
    group.number("memory_low", low, {},
                 {Unit::Bytes,
                  "memory.low: as long as it has less, the machine's reclaim takes from others first",
                  "user"});
    group.number("memory_min", min, {},
                 {Unit::Bytes,
                  "memory.min: as long as it has less, the machine's reclaim takes nothing from it", "user"});
    group.number("swap_limit", swap, {0, no_swap_limit},
                 {Unit::Bytes, "memory.swap.max: how much of its memory may be in swap", "user"});
}

void MemoryOptions::validate(const OptionSet& options, const std::string& section) const {
    for (const auto& [name, bytes] : {std::pair{".memory_limit", limit}, {".memory_high", high}})
        if (bytes != 0 && bytes < least_limit)
            throw ConfigError(options.where(section + name), section + name,
                              format_quantity(bytes, Unit::Bytes), "must be 0 or at least 1MiB");
    const Option* const swap_area = options.find("os.swap");
    if (swap != no_swap_limit && swap_area != nullptr && swap_area->get() == swap_area->default_text)
        throw ConfigError(options.where(section + ".swap_limit"), section + ".swap_limit",
                          format_quantity(swap, Unit::Bytes), "has no effect without os.swap");
}

os::MemoryLimits MemoryOptions::limits() const {
    return {.max = pages_below(limit),
            .high = pages_below(high),
            .low = low >> page_shift,
            .min = min >> page_shift,
            .swap = swap == no_swap_limit ? os::MemoryLimits::none : swap >> page_shift};
}

} // namespace pagewalk::app
