#include "app/readable_cell.h"

#include "os/page/gfp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace pagewalk::app {

namespace {

// Columns are named as the tracepoints' fields are.
constexpr std::array<std::string_view, 4> in_hexadecimal{"address", "call_site", "pfn", "ptr"};
constexpr std::array<std::string_view, 2> masks{"gfp", "gfp_flags"};

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 16> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return "0x" + std::string(digits.data(), end);
}

} // namespace

std::string readable_cell(const EventColumn& column, const std::string& cell) {
    const bool is_mask = std::ranges::find(masks, column.name) != masks.end();
    const bool is_address = std::ranges::find(in_hexadecimal, column.name) != in_hexadecimal.end();
    if (!is_mask && !is_address) return cell;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc() || end != cell.data() + cell.size()) return cell; // a name, or negative
    return is_mask ? os::to_string(os::GfpMask(static_cast<std::uint32_t>(value))) : hexadecimal(value);
}

} // namespace pagewalk::app
