#pragma once

#include "models/memory/dram_timing.h"

#include <cstdint>

namespace pagewalk::models {

/// A rank of DRAM devices, chosen whole: organisation and timing belong together.
enum class DramDevice : std::uint8_t {
    Ddr4_2400_8Gb_x8,
    Ddr4_2666_8Gb_x8,
    Ddr4_2933_8Gb_x8,
    Ddr4_3200_8Gb_x4,
    Ddr4_3200_8Gb_x8,
    Ddr4_3200_8Gb_x16,
    Ddr4_3200_16Gb_x8,
    Ddr5_4800_16Gb_x8,
    Ddr5_5600_16Gb_x8,
    Ddr5_6400_16Gb_x8,
    Custom,
};

/// How the devices of a rank are organised.
struct DramOrganisation {
    std::uint32_t bank_groups = 0;   ///< of a rank
    std::uint32_t banks = 0;         ///< of a bank group
    std::uint64_t row_bytes = 0;     ///< across the devices of a rank
    std::uint32_t channel_bytes = 0; ///< width of the channel; of a DDR5 subchannel
};

/// What a device's data sheet says. All 0 for Custom.
struct DramDeviceFacts {
    DramOrganisation organisation;
    DramTimingOptions timing;
    std::uint32_t width = 0;    ///< data pins of one device
    std::uint32_t gigabits = 0; ///< of one device
    std::uint32_t rows = 0;     ///< of a bank
};

[[nodiscard]] const DramDeviceFacts& facts_of(DramDevice device);

} // namespace pagewalk::models
