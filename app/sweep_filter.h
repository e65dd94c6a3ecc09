#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace pagewalk::app {

/// A number in its base unit (bytes, ps, Hz, ...), a text, or a truth.
using FilterValue = std::variant<double, std::string, bool>;

/// What a word of a filter stands for: an axis's value; none where it is unknown.
using FilterWords = std::function<std::optional<FilterValue>(std::string_view word)>;

/// Is the expression true? It has or, and, not, comparisons (== != < <= > >=), + - * /, parentheses, numbers
/// with units (4KiB, 80ns, 20%), texts in '...' or "...", and words. The error is what is wrong.
[[nodiscard]] std::expected<bool, std::string> evaluate_filter(std::string_view text,
                                                               const FilterWords& words);

} // namespace pagewalk::app
