#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace pagewalk {

enum class Unit : std::uint8_t {
    None,
    Bytes,
    Hertz,
    Ticks,
    Cycles,
    Instructions,
    Count,
    Percent,
    BytesPerSecond
};

/// The unit as results and tables print it: "bytes", "Hz", "ps", ...
[[nodiscard]] std::string_view name_of(Unit unit);

/// What the user may write for a value of this unit, e.g. "a size such as 4096, 4KiB or 2MiB".
[[nodiscard]] std::string_view examples_of(Unit unit);

/// Reads "4KiB", "3.2GHz", "80ns", "10M" in the base unit (bytes, Hz, ps, plain number). Decimal fractions
/// are exact: the value must come out whole. Errors: why the text cannot be read.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_quantity(std::string_view text, Unit unit);

/// The shortest exact text that parse_quantity reads back: 2097152 bytes -> "2MiB".
[[nodiscard]] std::string format_quantity(std::uint64_t value, Unit unit);

} // namespace pagewalk
