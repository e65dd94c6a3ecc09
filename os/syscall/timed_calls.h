#pragma once

#include "base/time.h"
#include "contract/instruction_stream.h"

namespace pagewalk::os {

/// How long the call has slept, where it was for as long as it asked and no longer: a sleep that has ended, a
/// time-out that has run out. Zero where it waited for something else, or where the source does not tell the
/// time it asked for.
[[nodiscard]] Tick slept(const SyscallRecord& call);

} // namespace pagewalk::os
