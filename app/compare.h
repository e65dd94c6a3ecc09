#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk compare A B [--all] [--stats GLOB] [--least PERCENT]` of two results files, folders of repeats
/// or sweeps: summary values side by side, the options that differ, and the statistics that moved beyond
/// noise, most important first (20, or all with --all). `arguments` are those after "compare". Returns the
/// exit status: 1 where anything moved. Throws InputError.
int run_compare(std::span<const std::string> arguments);
/// The same, printing to `out` without colour.
int run_compare(std::span<const std::string> arguments, std::ostream& out);

} // namespace pagewalk::app
