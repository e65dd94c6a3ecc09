#include "app/cpu_list.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pagewalk::app {

namespace {

std::optional<std::size_t> cpu_number(std::string_view word, std::size_t cpus) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || value >= cpus) return std::nullopt;
    return value;
}

} // namespace

std::expected<CpuMask, std::string> parse_cpu_list(std::string_view text, std::size_t cpus) {
    CpuMask mask;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        const std::string_view word = text.substr(begin, comma - begin);
        const std::size_t dash = word.find('-');
        const auto first = cpu_number(word.substr(0, dash), cpus);
        const auto last = dash == std::string_view::npos ? first : cpu_number(word.substr(dash + 1), cpus);
        if (!first || !last || *last < *first)
            return std::unexpected("wants CPUs from 0 to " + std::to_string(cpus - 1) +
                                   " (machine.cpus), such as 0 or 0,2-3");
        for (std::size_t cpu = *first; cpu <= *last; ++cpu) mask.set(cpu);
        begin = comma + 1;
    }
    return mask;
}

} // namespace pagewalk::app
