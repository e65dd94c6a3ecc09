#pragma once

#include <sys/time.h>

namespace pagewalk::workloads {

/// What a program's interval timer of the host's clock (ITIMER_REAL) is set to instead: under simulation it
/// executes about a hundredth of the instructions that it would natively in that time (tens of millions a
/// second against thousands), so that short ticks are made a hundred times as long, up to half a second.
/// Longer ones and disarmed ones stay as they are.
[[nodiscard]] itimerval stretched(const itimerval& asked);

} // namespace pagewalk::workloads
