#pragma once

#include "base/stats.h"

#include <iosfwd>
#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk stats [GLOB] [--markdown]`: every statistic that a run records, with unit and description.
int run_stats(std::span<const std::string> arguments);

/// A component's path with the numbers of its instances replaced: cpu12/l1d is cpuN/l1d; l1d and l2 are
/// names.
[[nodiscard]] std::string path_pattern(std::string_view path);

/// The tables of docs/statistics.md.
void print_statistic_tables(std::ostream& out, const StatRegistry& registry);

/// The same as text, for the statistics whose path/name matches `glob`. Throws InputError where none does.
void print_statistics(std::ostream& out, const StatRegistry& registry, std::string_view glob);

} // namespace pagewalk::app
