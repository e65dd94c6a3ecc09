#pragma once

#include "workloads/synthetic/synthetic_workload.h"

#include <array>
#include <cstdint>

namespace pagewalk::workloads {

/// A system call that a thread makes again and again.
struct RepeatedCall {
    std::uint32_t number = 0;
    std::array<std::uint64_t, 6> arguments{};
    std::int64_t result = 0;
    std::uint64_t times = 0;
};

/// A loop around the call and nothing else.
[[nodiscard]] Program call_repeatedly(ThreadContext context, RepeatedCall call);

} // namespace pagewalk::workloads
