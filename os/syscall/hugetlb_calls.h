#pragma once

#include "os/syscall/call_context.h"
#include "os/syscall/numa_calls.h"

#include <optional>

namespace pagewalk::os {

/// Pages that mmap with MAP_HUGETLB is to have; nothing where there are none of the size that it asks for.
/// Source: include/uapi/linux/mman.h of Linux 6.1.
[[nodiscard]] std::optional<HugetlbSize> hugetlb_size(std::uint64_t map_flags);

/// The promise of memory that such a call gets, before it is known where it maps: 0, or EINVAL or ENOMEM.
/// Without a reservation: with 8 bytes, how many pages it may take now.
[[nodiscard]] MemoryAnswer answer_mmap(CallContext& call);
/// Does it. A program that was not told of a short pool meets SIGBUS instead.
void map_hugetlb(CallContext& call);
/// The call has failed after it had been promised memory.
void drop_promise(CallContext& call);

/// Does the call change parts of pages in areas of hugetlbfs, which Linux refuses?
[[nodiscard]] bool cuts_hugetlb(const CallContext& call, VirtAddr start, VirtAddr end);

} // namespace pagewalk::os
