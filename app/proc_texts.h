#pragma once

#include "os/kernel/kernel.h"
#include "results/run_state.h"

#include <vector>

namespace pagewalk::app {

/// Texts of /proc and /sys about the whole machine, as a run keeps them at its end and at its markers, and
/// the map of page blocks (os/proc/page_blocks.h).
[[nodiscard]] std::vector<results::ProcText> proc_texts(const os::Kernel& kernel);

} // namespace pagewalk::app
