#pragma once

#include "base/option.h"
#include "models/memory/dram_device.h"
#include "models/memory/dram_timing.h"

#include <cstdint>

namespace pagewalk::models {

/// Which address bits choose what, from the lowest upwards after the line offset.
enum class AddressMapping : std::uint8_t {
    BankGroupInterleave, ///< channel, bank group, column, bank, rank, row: neighbours use all bank groups
    RowInterleave,  ///< channel, column, bank group, bank, rank, row: a row is filled before the next bank
    BankInterleave, ///< channel, bank group, bank, rank, column, row: neighbours use all banks
};

/// What of the row is exclusive-ored into bank group and bank.
enum class BankHash : std::uint8_t {
    Off,
    LowBits, ///< as many of its low bits
    AllBits, ///< all its bits, folded
};

/// What a channel serves while it drains writes.
enum class WriteTurns : std::uint8_t {
    Mixed,  ///< the reads that their banks have, too
    Strict, ///< writes alone; reads alone at other times
};

/// When an idle row is closed.
enum class PagePolicy : std::uint8_t { Open, Closed, Timeout };

/// One memory controller with its channels.
struct DramConfig {
    DramDevice device = DramDevice::Ddr4_3200_8Gb_x8;
    DramTimingOptions timing;
    DramOrganisation custom; ///< of a custom device
    std::uint32_t channels = 1;
    std::uint32_t ranks = 1;
    AddressMapping mapping = AddressMapping::BankGroupInterleave;
    BankHash bank_hash = BankHash::LowBits;
    PagePolicy page_policy = PagePolicy::Open;
    Tick page_timeout{200'000};
    Tick controller_latency{10'000};
    std::uint32_t read_queue = 32;
    std::uint32_t bank_queue = 8;
    std::uint32_t row_hit_cap = 4;
    std::uint32_t write_queue = 64;
    std::uint32_t write_high = 48;
    std::uint32_t write_low = 16;
    std::uint32_t write_idle = 8;
    WriteTurns write_turns = WriteTurns::Mixed;

    void declare(OptionGroup group);
    /// Throws ConfigError.
    void validate() const;
    /// Bytes of all channels. 0: a custom device has rows without end.
    [[nodiscard]] std::uint64_t capacity() const { return facts_of(device).rank_bytes() * ranks * channels; }
    /// The device's, or the custom one's.
    [[nodiscard]] const DramOrganisation& organisation() const {
        return device == DramDevice::Custom ? custom : facts_of(device).organisation;
    }
    /// Throws ConfigError.
    [[nodiscard]] DramTiming full_timing() const {
        return DramTiming::make(facts_of(device).timing, timing, organisation().channel_bytes);
    }
};

} // namespace pagewalk::models
