#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>

namespace pagewalk::os {

/// The task that the program knows by this id, the caller for 0; a process's first thread is not known by one
/// before fork has told its parent. Null where nobody is meant for sure.
[[nodiscard]] Task* named_task(CallContext& call, std::int64_t id);

} // namespace pagewalk::os
