#pragma once

#include <string>
#include <string_view>

namespace pagewalk::results {

/// What slabtop of procps-ng 4.0 prints of a /proc/slabinfo text (version 2.1): totals, then every cache,
/// those with most objects first. Throws InputError, with the number of the line, where the text is none.
[[nodiscard]] std::string slabtop_text(std::string_view slabinfo);

} // namespace pagewalk::results
