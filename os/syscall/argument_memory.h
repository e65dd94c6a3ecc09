#pragma once

#include "os/syscall/call_context.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// Bytes that an ioctl reads and writes at its argument: told by its request, or known for what is older than
/// that.
struct RequestSize {
    std::uint16_t in = 0;
    std::uint16_t out = 0;
};
[[nodiscard]] RequestSize request_size(std::uint64_t request);

/// The structures and file names that a call's arguments point to, as contract/system_calls.h lists them: the
/// kernel copies what it reads before the call does its work, and what it writes when that is done. A file
/// name has a page of its own for as long as the call lasts. The data of files, pipes and sockets are the
/// calls' own work.
class ArgumentMemory {
public:
    explicit ArgumentMemory(CallContext& call) : m_call(call) {}

    void copy_in();
    /// For a call that has succeeded.
    void copy_out();
    /// Frees what holds the file names.
    void finish();

private:
    void copy_name(VirtAddr from);

    CallContext& m_call;
    std::array<VirtAddr, 4> m_names{};
    std::size_t m_name_count = 0;
};

} // namespace pagewalk::os
