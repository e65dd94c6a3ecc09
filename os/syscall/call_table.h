#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>

namespace pagewalk::os {

using CallHandler = void (*)(CallContext& call);

/// Null where the call changes nothing that the OS layer models. `number`: x86-64.
[[nodiscard]] CallHandler handler_of(std::uint32_t number);

} // namespace pagewalk::os
