#pragma once

#include "models/core/cpu_horizons.h"
#include "models/core/interrupt_bus.h"
#include "models/core/lock_table.h"
#include "models/core/stream_cursors.h"
#include "models/mmu/champsim_frames.h"

#include <optional>

namespace pagewalk::models {

/// What the CPUs of a machine have in common.
struct CpuCommons {
    CpuHorizons horizons;
    LockTable locks{horizons};
    InterruptBus interrupts;
    StreamCursors cursors;
    std::optional<ChampSimFrames> champsim_frames;
};

} // namespace pagewalk::models
