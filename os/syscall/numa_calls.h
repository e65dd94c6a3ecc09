#pragma once

#include "os/syscall/call_context.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// The result of a call about where memory is, and what it writes.
struct MemoryAnswer {
    std::int64_t result = 0;     ///< or a negative errno
    std::vector<std::byte> data; ///< as InstructionStream::answer() wants it
};

// As mm/mempolicy.c and mm/migrate.c of Linux 6.1, for a caller without CAP_SYS_NICE but that
// MPOL_MF_MOVE_ALL is allowed. Sources: mbind(2), move_pages(2), migrate_pages(2), get_mempolicy(2), and the
// kernel's documentation.
[[nodiscard]] MemoryAnswer
answer_get_mempolicy(CallContext& call); ///< with MPOL_F_ADDR; 4 bytes, then 8 of nodes
[[nodiscard]] MemoryAnswer answer_mbind(CallContext& call);
[[nodiscard]] MemoryAnswer answer_migrate_pages(CallContext& call);
[[nodiscard]] MemoryAnswer answer_move_pages(CallContext& call); ///< 4 bytes of status a page

/// Does the call, and tells the stream what comes of it, where it waits for that
/// (InstructionStream::takes_answers).
void answer_call_about_memory(CallContext& call);

} // namespace pagewalk::os
