#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk report FILE.h5|SWEEPDIR [-o DIR]`: one HTML page of a run or a sweep, made by the Python package
/// (results/analysis/pagewalk/report). `arguments` are those after "report". Returns the exit status. Throws
/// InputError, RunError.
int run_report(std::span<const std::string> arguments);

} // namespace pagewalk::app
