#pragma once

#include <cstdint>

namespace pagewalk::models {

/// Of a column command and its data.
enum class BusDirection : std::uint8_t { Read, Write };

/// How an access found its bank.
enum class RowOutcome : std::uint8_t {
    Hit,      ///< the row was open
    Miss,     ///< the bank was closed
    Conflict, ///< another row was open
};

/// A command on a channel's command bus. Refreshes are not among them: they follow from their schedule.
struct DramCommand {
    enum class Kind : std::uint8_t { Activate, Precharge, Read, Write };
    Kind kind = Kind::Activate;
    std::uint64_t time = 0; ///< clocks
    std::uint32_t rank = 0;
    std::uint32_t group = 0; ///< bank group, counted through the ranks
    std::uint32_t bank = 0;  ///< in the channel
    std::uint64_t row = 0;
};

} // namespace pagewalk::models
