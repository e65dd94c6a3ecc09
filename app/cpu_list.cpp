#include "app/cpu_list.h"

#include <algorithm>
#include <charconv>

namespace pagewalk::app {

namespace {

std::optional<std::size_t> number_below(std::string_view word, std::size_t limit) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || value >= limit) return std::nullopt;
    return value;
}

} // namespace

std::optional<std::vector<std::size_t>> parse_number_list(std::string_view text, std::size_t end) {
    std::vector<std::size_t> numbers;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        const std::string_view word = text.substr(begin, comma - begin);
        const std::size_t dash = word.find('-');
        const auto first = number_below(word.substr(0, dash), end);
        const auto last = dash == std::string_view::npos ? first : number_below(word.substr(dash + 1), end);
        if (!first || !last || *last < *first) return std::nullopt;
        for (std::size_t number = *first; number <= *last; ++number) numbers.push_back(number);
        begin = comma + 1;
    }
    return numbers;
}

std::expected<CpuMask, std::string> parse_cpu_list(std::string_view text, std::size_t cpus) {
    const auto numbers = parse_number_list(text, cpus);
    if (!numbers)
        return std::unexpected("wants CPUs from 0 to " + std::to_string(cpus - 1) +
                               " (machine.cpus), such as 0 or 0,2-3");
    CpuMask mask;
    for (const std::size_t cpu : *numbers) mask.set(cpu);
    return mask;
}

} // namespace pagewalk::app
