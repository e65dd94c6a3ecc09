#pragma once

#include "base/time.h"
#include "contract/instruction_stream.h"
#include "contract/kernel_path.h"
#include "os/path/memory_cgroup.h"
#include "os/path/memory_policy.h"

#include <cstdint>

namespace pagewalk::os {

/// What a touch outside every mapping means.
enum class StrayAccess : std::uint8_t {
    Kills,    ///< a program's error
    Maps,     ///< a trace without system calls: memory that the program must have had and written
    Happened, ///< a program that ran: it had the memory, through a call that the OS layer does not model. The
              ///< page is mapped, counted and reported
};

class CallOrder;

/// Identifies one of the programs that a run executes side by side. A trace that begins again is a Program of
/// its own with the number of the one before.
enum class ProgramNumber : std::uint32_t {};

/// What a run was given to execute; all processes that come of it share it.
struct Program {
    Workload* workload = nullptr;
    StrayAccess stray = StrayAccess::Kills;
    CallOrder* order = nullptr; ///< of its system calls
    ProgramNumber number{};
    MemoryCgroup* cgroup = nullptr; ///< that its processes' memory is charged to; null: none
};

/// Where and when a program's first task begins, and where its memory comes from. Its children
/// inherit both.
struct ProgramPlacement {
    ProgramNumber number{};
    CpuMask allowed = CpuMask().set();
    Tick begin{};
    MemoryPolicy policy{};
    MemoryLimits limits{}; ///< of all its processes together
};

} // namespace pagewalk::os
