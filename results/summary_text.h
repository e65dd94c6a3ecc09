#pragma once

#include "results/run_reader.h"

#include <cstdint>
#include <string>

namespace pagewalk::results {

enum class Colour : std::uint8_t { Off, On };

/// A run as one readable page: what ran, IPC, CPI stack, misses, walks, faults, memory, host speed. What the
/// file does not have is left out. The CPI stack is the counters of components whose path ends in cpi_stack,
/// summed by name.
[[nodiscard]] std::string summary_page(const RunReader& run, Colour colour);

} // namespace pagewalk::results
