#pragma once

#include "contract/system_calls.h"

#include <cstdint>
#include <sys/stat.h>

namespace pagewalk::workloads {

/// True for a descriptor through which threads wait for each other: pipes, sockets, eventfd (which has no
/// file type).
[[nodiscard]] inline bool is_pipe_like(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return false;
    const auto type = status.st_mode & S_IFMT;
    return type == S_IFIFO || type == S_IFSOCK || type == 0;
}

/// Whether the place of a call among those of other threads matters.
[[nodiscard]] inline bool is_ordered(std::uint64_t number, std::uint64_t first_argument) {
    switch (traits_of_call(number).order) {
    case CallOrder::Ordered:
        return true;
    case CallOrder::OrderedOnPipe:
        return is_pipe_like(static_cast<int>(first_argument));
    case CallOrder::Unordered:
        return false;
    }
    return false;
}

} // namespace pagewalk::workloads
