#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>

namespace pagewalk::os {

using CallHandler = void (*)(CallContext& call);

/// What a call that may block does before its result is known.
void begin_call(CallContext& call);
/// The call's work, and the user memory that its arguments point to; of one that has failed, the latter only.
void serve_call(CallContext& call);

/// Null where the call changes nothing that the OS layer models. `number`: x86-64.
[[nodiscard]] CallHandler handler_of(std::uint32_t number);

} // namespace pagewalk::os
