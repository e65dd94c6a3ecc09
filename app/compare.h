#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk compare A.h5 B.h5 [--all] [--stats GLOB]`: summary values side by side with their ratio, the
/// options that differ, and the statistics that changed most (all that changed with --all). `arguments` are
/// those after "compare". Returns the exit status; throws InputError.
int run_compare(std::span<const std::string> arguments);
/// The same, printing to `out` without colour.
int run_compare(std::span<const std::string> arguments, std::ostream& out);

} // namespace pagewalk::app
