#pragma once

#include "base/enum_table.h"
#include "models/memory/dram_timing.h"

#include <cstdint>

namespace pagewalk::models {

/// A rank of DRAM devices, chosen whole: organisation and timing belong together. Of HBM, a pseudo channel's
/// part of four dies of the stack (its stack ID): channels are pseudo channels, 16 (HBM2E) or 32 (HBM3) a
/// stack, and ranks are stack IDs.
enum class DramDevice : std::uint8_t {
    Ddr4_2400_8Gb_x4,
    Ddr4_2400_8Gb_x8,
    Ddr4_2400_16Gb_x4,
    Ddr4_2400_16Gb_x8,
    Ddr4_2666_8Gb_x4,
    Ddr4_2666_8Gb_x8,
    Ddr4_2666_16Gb_x4,
    Ddr4_2666_16Gb_x8,
    Ddr4_2933_8Gb_x4,
    Ddr4_2933_8Gb_x8,
    Ddr4_2933_16Gb_x4,
    Ddr4_2933_16Gb_x8,
    Ddr4_3200_8Gb_x4,
    Ddr4_3200_8Gb_x8,
    Ddr4_3200_8Gb_x16,
    Ddr4_3200_16Gb_x4,
    Ddr4_3200_16Gb_x8,
    Ddr4_3200_16Gb_x16,
    Ddr5_4800_16Gb_x4,
    Ddr5_4800_16Gb_x8,
    Ddr5_4800_16Gb_x16,
    Ddr5_4800_32Gb_x4,
    Ddr5_4800_32Gb_x8,
    Ddr5_5600_16Gb_x4,
    Ddr5_5600_16Gb_x8,
    Ddr5_5600_16Gb_x16,
    Ddr5_5600_32Gb_x4,
    Ddr5_5600_32Gb_x8,
    Ddr5_6400_16Gb_x4,
    Ddr5_6400_16Gb_x8,
    Ddr5_6400_16Gb_x16,
    Ddr5_6400_32Gb_x4,
    Ddr5_6400_32Gb_x8,
    Lpddr5_6400_8Gb_x16,
    Lpddr5_6400_16Gb_x16,
    Hbm2e_3200_16Gb,
    Hbm3_6400_16Gb,
    Custom,
};

/// How the devices of a rank are organised.
struct DramOrganisation {
    std::uint32_t bank_groups = 0;   ///< of a rank
    std::uint32_t banks = 0;         ///< of a bank group
    std::uint64_t row_bytes = 0;     ///< across the devices of a rank
    std::uint32_t channel_bytes = 0; ///< width of the channel; of a DDR5 subchannel, an HBM pseudo channel
};

/// What a device's data sheet says. All 0 for Custom.
struct DramDeviceFacts {
    DramOrganisation organisation;
    DramTimingOptions timing;
    std::uint32_t width = 0;    ///< data pins of one device; HBM: of a pseudo channel
    std::uint32_t gigabits = 0; ///< of one device; HBM: of a pseudo channel in four dies
    std::uint32_t rows = 0;     ///< of a bank

    /// Bytes of a rank. 0 for Custom, whose rows have no number.
    [[nodiscard]] constexpr std::uint64_t rank_bytes() const {
        return std::uint64_t{rows} * organisation.bank_groups * organisation.banks * organisation.row_bytes;
    }
};

[[nodiscard]] const DramDeviceFacts& facts_of(DramDevice device);
[[nodiscard]] const EnumNames<DramDevice>& dram_device_names();

} // namespace pagewalk::models
