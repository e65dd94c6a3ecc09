#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace pagewalk::app {

/// A point of a run: "marker:3", "pc:0x401136", "instructions:10M"; the first two with "@k" mean the k-th
/// time. Empty: none.
struct RunPosition {
    enum class Kind : std::uint8_t {
        None,
        Marker,       ///< a program makes the call of contract/marker_call.h
        Pc,           ///< a program is about to execute the block that holds this address
        Instructions, ///< programs have executed so many, from power-on
    };
    Kind kind = Kind::None;
    std::uint64_t value = 0;
    std::uint64_t times = 1;

    explicit operator bool() const { return kind != Kind::None; }
    bool operator==(const RunPosition&) const = default;
};

/// The error says what is allowed.
[[nodiscard]] std::expected<RunPosition, std::string> parse_run_position(std::string_view text);

} // namespace pagewalk::app
