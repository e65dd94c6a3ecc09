#pragma once

#include <span>
#include <string>

namespace pagewalk::app {

/// `pagewalk sweep FILE [-o DIR] [-j N] [--executor local|slurm] [--dry-run] [--resume] [--rerun-changed]`.
/// `arguments` are those after "sweep". Returns the exit status: 0 where every point finished. Throws
/// InputError and RunError.
int run_sweep(std::span<const std::string> arguments);

} // namespace pagewalk::app
