#pragma once

#include "base/option.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk::models {

/// An IOMMU's hardware. Vendors publish no sizes: all numbers are assumed.
struct IommuConfig {
    std::uint32_t iotlb_entries = 64;
    std::uint32_t iotlb_ways = 0;          ///< 0: fully associative
    std::uint32_t walk_cache_entries = 16; ///< of each upper level; 0: none
    std::uint32_t walkers = 4;             ///< walks at a time
    Tick latency{4 * ticks_per_ns};        ///< of a look-up in the IOTLB
    std::uint64_t fault_at = 0;            ///< which line's translation fails, counted from 1; 0: none

    /// Declares [iommu] but for its mode.
    void declare(OptionGroup group);
    /// Throws ConfigError where entries and ways do not fit together.
    void validate(const OptionSet& options) const;
    [[nodiscard]] std::uint32_t ways() const { return iotlb_ways == 0 ? iotlb_entries : iotlb_ways; }
};

} // namespace pagewalk::models
