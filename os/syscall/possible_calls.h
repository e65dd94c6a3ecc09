#pragma once

#include "os/syscall/call_context.h"

namespace pagewalk::os {

/// Could the call have succeeded with these arguments and this result? Linux maps nothing beyond the user
/// half and has no file beyond its largest size; a damaged recording may say so all the same, and then the
/// call changes nothing.
[[nodiscard]] bool is_possible(const CallContext& call);

} // namespace pagewalk::os
