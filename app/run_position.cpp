#include "app/run_position.h"

#include "base/units.h"
#include "contract/marker_call.h"

#include <charconv>
#include <optional>
#include <utility>

namespace pagewalk::app {

namespace {

constexpr const char* allowed = "wants marker:N (N from 0 to 65535) or pc:0xADDRESS, either with @K for the "
                                "K-th time, or instructions:N, such as instructions:10M";

std::optional<std::uint64_t> number_of(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> value_of(RunPosition::Kind kind, std::string_view text) {
    if (kind == RunPosition::Kind::Pc)
        return text.starts_with("0x") ? number_of(text.substr(2), 16) : std::nullopt;
    if (kind == RunPosition::Kind::Marker) {
        const auto number = number_of(text, 10);
        return number && *number <= marker_call::max_marker ? number : std::nullopt;
    }
    const auto count = parse_quantity(text, Unit::Instructions);
    return count && *count != 0 ? std::optional(*count) : std::nullopt;
}

} // namespace

std::expected<RunPosition, std::string> parse_run_position(std::string_view text) {
    using Kind = RunPosition::Kind;
    RunPosition position;
    if (text.empty()) return position;
    for (const auto& [name, kind] : {std::pair<std::string_view, Kind>{"marker:", Kind::Marker},
                                     {"pc:", Kind::Pc},
                                     {"instructions:", Kind::Instructions}}) {
        if (!text.starts_with(name)) continue;
        position.kind = kind;
        text.remove_prefix(name.size());
        break;
    }
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos) {
        const auto times = number_of(text.substr(at + 1), 10);
        if (!times || *times == 0 || position.kind == Kind::Instructions) return std::unexpected(allowed);
        position.times = *times;
    }
    const auto value = position ? value_of(position.kind, text.substr(0, at)) : std::nullopt;
    if (!value) return std::unexpected(allowed);
    position.value = *value;
    return position;
}

} // namespace pagewalk::app
