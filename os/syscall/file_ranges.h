#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>

namespace pagewalk::os {

/// The file ends at byte `size` from now on: what is beyond goes from the cache and from all mappings, copies
/// that processes have made included.
void truncate_file(CallContext& call, InodeId inode, std::uint64_t size);

/// Bytes [start, end) of a file become a hole: they go from the cache and from all mappings; copies stay.
void punch_hole(CallContext& call, InodeId inode, std::uint64_t start, std::uint64_t end);

} // namespace pagewalk::os
