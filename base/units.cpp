#include "base/units.h"

#include <array>
#include <charconv>
#include <span>

namespace pagewalk {
namespace {

struct Suffix {
    std::string_view text;
    std::uint64_t factor;
};

constexpr std::array<Suffix, 8> byte_suffixes{{{"TiB", 1ULL << 40},
                                               {"GiB", 1ULL << 30},
                                               {"MiB", 1ULL << 20},
                                               {"KiB", 1ULL << 10},
                                               {"GB", 1'000'000'000},
                                               {"MB", 1'000'000},
                                               {"kB", 1'000},
                                               {"B", 1}}};
constexpr std::array<Suffix, 4> hertz_suffixes{
    {{"GHz", 1'000'000'000}, {"MHz", 1'000'000}, {"kHz", 1'000}, {"Hz", 1}}};
constexpr std::array<Suffix, 5> tick_suffixes{
    {{"ms", 1'000'000'000}, {"us", 1'000'000}, {"ns", 1'000}, {"ps", 1}, {"s", 1'000'000'000'000}}};
constexpr std::array<Suffix, 3> count_suffixes{{{"G", 1'000'000'000}, {"M", 1'000'000}, {"k", 1'000}}};
constexpr std::array<Suffix, 1> percent_suffixes{{{"%", 1}}};
constexpr std::array<Suffix, 4> rate_suffixes{
    {{"GB/s", 1'000'000'000}, {"MB/s", 1'000'000}, {"kB/s", 1'000}, {"B/s", 1}}};

std::span<const Suffix> suffixes_of(Unit unit) {
    switch (unit) {
    case Unit::Bytes:
        return byte_suffixes;
    case Unit::Hertz:
        return hertz_suffixes;
    case Unit::Ticks:
        return tick_suffixes;
    case Unit::Percent:
        return percent_suffixes;
    case Unit::BytesPerSecond:
        return rate_suffixes;
    case Unit::Instructions:
    case Unit::Count:
        return count_suffixes;
    case Unit::None:
    case Unit::Cycles:
        return {};
    }
    return {};
}

} // namespace

std::string_view name_of(Unit unit) {
    switch (unit) {
    case Unit::None:
        return "1";
    case Unit::Bytes:
        return "bytes";
    case Unit::Hertz:
        return "Hz";
    case Unit::Ticks:
        return "ps";
    case Unit::Cycles:
        return "cycles";
    case Unit::Instructions:
        return "instructions";
    case Unit::Count:
        return "count";
    case Unit::Percent:
        return "%";
    case Unit::BytesPerSecond:
        return "bytes/s";
    }
    return "1";
}

std::string_view examples_of(Unit unit) {
    switch (unit) {
    case Unit::Bytes:
        return "a size such as 4096, 4KiB or 2MiB";
    case Unit::Hertz:
        return "a frequency such as 3.2GHz or 800MHz";
    case Unit::Ticks:
        return "a time such as 80ns, 1.5us or 250ps";
    case Unit::Instructions:
    case Unit::Count:
        return "a whole number such as 64, 10k or 100M";
    case Unit::Percent:
        return "a percentage such as 20%";
    case Unit::BytesPerSecond:
        return "a rate such as 25.6GB/s";
    case Unit::None:
    case Unit::Cycles:
        return "a whole number such as 4";
    }
    return "";
}

std::expected<std::uint64_t, std::string> parse_quantity(std::string_view text, Unit unit) {
    std::string_view number = text;
    while (!number.empty() && number.back() == ' ') number.remove_suffix(1);
    std::uint64_t factor = 1;
    bool suffixed = false;
    for (const Suffix& suffix : suffixes_of(unit))
        if (number.size() > suffix.text.size() && number.ends_with(suffix.text)) {
            factor = suffix.factor;
            number.remove_suffix(suffix.text.size());
            suffixed = true;
            break;
        }
    while (!number.empty() && number.back() == ' ') number.remove_suffix(1);

    unsigned __int128 value = 0;
    std::uint64_t divisor = 1;
    bool fraction = false;
    bool digits = false;
    for (char c : number) {
        if (c == '.' && !fraction) {
            fraction = true;
        } else if (c >= '0' && c <= '9') {
            digits = true;
            value = value * 10 + static_cast<unsigned>(c - '0');
            if (fraction) divisor *= 10;
            if (value > (static_cast<unsigned __int128>(1) << 80) || divisor > 1'000'000'000'000'000ULL)
                return std::unexpected("has too many digits");
        } else {
            return std::unexpected("is not " + std::string(examples_of(unit)));
        }
    }
    if (!digits) return std::unexpected("is not " + std::string(examples_of(unit)));
    if (unit == Unit::Ticks && !suffixed && value != 0)
        return std::unexpected("needs a unit: ps, ns, us, ms or s");
    value *= factor;
    if (value % divisor != 0)
        return std::unexpected("is not a whole number of " + std::string(name_of(unit)));
    value /= divisor;
    if (value > ~0ULL) return std::unexpected("is larger than 64 bits hold");
    return static_cast<std::uint64_t>(value);
}

std::string format_quantity(std::uint64_t value, Unit unit) {
    if (unit == Unit::Count || unit == Unit::Instructions) {
        for (const Suffix& suffix : count_suffixes)
            if (value != 0 && value % suffix.factor == 0)
                return std::to_string(value / suffix.factor) + std::string(suffix.text);
        return std::to_string(value);
    }
    if (value != 0 && unit != Unit::Bytes && unit != Unit::Percent) {
        // Decimal units may carry a fraction: 3200 MHz reads better as 3.2GHz.
        const Suffix* best = nullptr;
        for (const Suffix& suffix : suffixes_of(unit))
            if (value >= suffix.factor && (best == nullptr || suffix.factor > best->factor)) best = &suffix;
        if (best != nullptr) {
            std::string text = std::to_string(value / best->factor);
            if (std::uint64_t rest = value % best->factor; rest != 0) {
                std::string digits = std::to_string(best->factor + rest).substr(1);
                while (digits.back() == '0') digits.pop_back();
                if (digits.size() > 4 && unit != Unit::Hertz)
                    return std::to_string(value) + (unit == Unit::Ticks ? "ps" : "");
                text += "." + digits;
            }
            return text + std::string(best->text);
        }
    }
    if (unit == Unit::Ticks) return std::to_string(value) + "ps";
    if (unit == Unit::Percent) return std::to_string(value) + "%";
    if (unit == Unit::Bytes && value != 0)
        for (const Suffix& suffix : std::span(byte_suffixes).first(4))
            if (value % suffix.factor == 0)
                return std::to_string(value / suffix.factor) + std::string(suffix.text);
    return std::to_string(value);
}

} // namespace pagewalk
