#pragma once

#include "contract/instruction_stream.h"

#include <cstdint>
#include <optional>

/// A program says where it is by prctl(0x5057, n, 0, 0, 0), which Linux refuses with EINVAL and without any
/// effect. workloads/markers/pagewalk.h makes the call.
namespace pagewalk::marker_call {

inline constexpr std::uint32_t number = 157; ///< of prctl
inline constexpr std::uint64_t option = 0x5057;
inline constexpr std::uint64_t max_marker = 65535;

/// The n of a call that is a marker, whatever its size.
[[nodiscard]] inline std::optional<std::uint64_t> marker_of(const SyscallRecord& record) {
    if (record.number != number || record.arguments[0] != option) return std::nullopt;
    return record.arguments[1];
}

} // namespace pagewalk::marker_call
