#pragma once

#include "app/machine.h"
#include "base/stats.h"
#include "results/run_state.h"

#include <vector>

namespace pagewalk::app {

/// The fixed keys of a run's summary, from its measured statistics.
[[nodiscard]] std::vector<results::SummaryValue>
summarise(const StatRegistry& registry, const StatSnapshot& measured, std::uint64_t core_hertz);

} // namespace pagewalk::app
