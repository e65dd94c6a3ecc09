#pragma once

#include "contract/instruction_stream.h"

#include <cstdint>

namespace pagewalk::os {

/// What a touch outside every mapping means.
enum class StrayAccess : std::uint8_t {
    Kills,    ///< a program's error
    Maps,     ///< a trace without system calls: memory that the program must have had and written
    Happened, ///< a program that ran: it had the memory, through a call that the OS layer does not model. The
              ///< page is mapped, counted and reported
};

/// What a run was given to execute; all processes that come of it share it.
struct Program {
    Workload* workload = nullptr;
    StrayAccess stray = StrayAccess::Kills;
};

} // namespace pagewalk::os
