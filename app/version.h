#pragma once

#include <string_view>

namespace pagewalk::app {

[[nodiscard]] std::string_view version();
/// Of the checkout this program was built from, "-changed" behind it where files differed; "unknown" outside
/// one.
[[nodiscard]] std::string_view git_revision();

} // namespace pagewalk::app
