#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace pagewalk {

/// What follows the = of a config line, as text. Blanks around it are cut, and a comment: a # at the start or
/// after a blank, unless it is in '...' or "..." that begin a word and end in the line. $'...' stands for any
/// text, with \n, \t, \r, \\, \' and \xHH in it as bash has them. The error is what is wrong with it.
[[nodiscard]] std::expected<std::string, std::string> parse_config_value(std::string_view text);

/// `value` as parse_config_value reads it back, in one line of UTF-8 without control characters: plain where
/// that does, else $'...'.
[[nodiscard]] std::string format_config_value(std::string_view value);

} // namespace pagewalk
