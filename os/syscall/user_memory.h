#pragma once

#include "os/syscall/call_context.h"

#include <cstdint>
#include <span>

namespace pagewalk::os {

/// Which way the kernel copies.
enum class UserCopy : std::uint8_t { ToUser, FromUser };

/// Memory of the program's that a call works through: one buffer, or what its iovecs point to. It refers to
/// the call's record.
class UserRange {
public:
    UserRange(VirtAddr address, std::uint64_t bytes) : m_current{address, bytes} {}
    explicit UserRange(std::span<const UserSegment> segments) : m_rest(segments) {}

    /// Takes the next piece: `most` bytes at most, in one page. It has no bytes at the end.
    [[nodiscard]] UserSegment take(std::uint64_t most);
    void skip(std::uint64_t bytes);

private:
    UserSegment m_current;
    std::span<const UserSegment> m_rest;
};

/// The frame behind a page of the program's, faulted in as the kernel's own access would where it must be.
/// no_pfn where the program has no such memory.
[[nodiscard]] Pfn user_frame(CallContext& call, VirtAddr at, UserCopy way);

/// Copies the next `bytes` of `user` to or from kernel memory at `kernel`. Returns how many: fewer where the
/// program's memory ends (EFAULT).
std::uint64_t copy_user(CallContext& call, UserRange& user, VirtAddr kernel, std::uint64_t bytes,
                        UserCopy way);

/// The same with a structure or text that the kernel has on its stack, or makes there a piece at a time.
std::uint64_t copy_user_on_stack(CallContext& call, UserRange& user, std::uint64_t bytes, UserCopy way);

} // namespace pagewalk::os
