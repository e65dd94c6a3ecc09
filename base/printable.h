#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pagewalk {

/// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none. Source: RFC 3629.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// `text` for a terminal or a file of UTF-8: line feeds and tabs stay, other control characters and bytes
/// that are not UTF-8 become \xHH.
[[nodiscard]] std::string printable(std::string_view text);

/// The same in one line of at most `most` bytes and "...", for messages.
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t most = 80);

} // namespace pagewalk
