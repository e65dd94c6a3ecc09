#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk show FILE.h5 [--json | --stats [GLOB] | --histograms [GLOB] | --proc NAME | --config | --events
/// NAME [--rows N] | --function-graph [--rows N]]`: prints what a results file holds. `arguments` are those
/// after "show". Returns the exit status; throws InputError.
int run_show(std::span<const std::string> arguments);
/// The same, printing to `out` without colour.
int run_show(std::span<const std::string> arguments, std::ostream& out);

} // namespace pagewalk::app
