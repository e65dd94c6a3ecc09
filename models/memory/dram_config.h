#pragma once

#include "base/option.h"
#include "models/memory/dram_timing.h"

#include <cstdint>

namespace pagewalk::models {

/// Which address bits choose what, from the lowest upwards after the line offset.
enum class AddressMapping : std::uint8_t {
    BankGroupInterleave, ///< channel, bank group, column, bank, rank, row: neighbours use all bank groups
    RowInterleave,  ///< channel, column, bank group, bank, rank, row: a row is filled before the next bank
    BankInterleave, ///< channel, bank group, bank, rank, column, row: neighbours use all banks
};

/// When an idle row is closed.
enum class PagePolicy : std::uint8_t { Open, Closed, Timeout };

/// One memory controller with its channels.
struct DramConfig {
    DramStandard standard = DramStandard::Ddr4_3200;
    DramTimingOptions timing;
    std::uint32_t channels = 1;
    std::uint32_t ranks = 1;
    std::uint32_t bank_groups = 4;
    std::uint32_t banks = 4; ///< a bank group
    std::uint64_t row_bytes = 8192;
    std::uint32_t channel_bytes = 8;
    AddressMapping mapping = AddressMapping::BankGroupInterleave;
    bool bank_hash = true;
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

    void declare(OptionGroup group);
    /// Throws ConfigError.
    void validate() const;
};

} // namespace pagewalk::models
