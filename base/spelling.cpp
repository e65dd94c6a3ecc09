#include "base/spelling.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace pagewalk {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

} // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
    constexpr std::size_t longest = 100; // the search takes its length times that of all that is known
    if (word.size() > longest || known.empty()) return {};
    const auto distance = [&](std::string_view other) { return edit_distance(other, word); };
    const auto nearest = std::ranges::min_element(known, {}, distance);
    if (distance(*nearest) > std::max<std::size_t>(2, word.size() / 3)) return {};
    return "; did you mean '" + std::string(*nearest) + "'?";
}

} // namespace pagewalk
