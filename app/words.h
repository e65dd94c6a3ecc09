#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// Splits a command line at blanks; "..." and '...' keep blanks, backslash keeps one character. Throws
/// InputError for an open quote.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

/// `word` as a POSIX shell reads it back, quoted where it must be.
[[nodiscard]] std::string shell_quoted(std::string_view word);

} // namespace pagewalk::app
