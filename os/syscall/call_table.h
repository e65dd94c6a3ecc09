#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>
#include <string_view>

namespace pagewalk::os {

using CallHandler = void (*)(CallContext& call);

/// A modelled system call.
struct CallRow {
    std::uint32_t number = 0; ///< x86-64 numbering
    std::string_view name;
    CallHandler handler = nullptr;
};

/// Null where the call changes nothing that the OS layer models.
[[nodiscard]] const CallRow* find_call(std::uint32_t number);

} // namespace pagewalk::os
