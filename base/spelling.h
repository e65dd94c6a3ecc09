#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pagewalk {

/// "; did you mean 'x'?" where one of `known` is near the word, else nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

} // namespace pagewalk
