#pragma once

#include "base/enum_table.h"
#include "base/stats.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

/// What a cycle without a commit waited for.
enum class StallCause : std::uint8_t {
    Base, ///< a commit group's own cycle
    ICache,
    Itlb,
    Branch,
    Dependency, ///< execution latency and dependences
    L1,
    L2,
    Llc,
    RemoteCache,
    Memory,
    RemoteMemory,
    Dtlb,
    StoreQueue,
    Exception, ///< entering and leaving the kernel
    Lock,
};
inline constexpr std::size_t stall_cause_count = enum_count<StallCause>;

enum class Mode : std::uint8_t { User, Kernel };

struct CoreStats {
    using CpiStack = std::array<std::uint64_t, stall_cause_count>;

    std::uint64_t cycles = 0;
    std::uint64_t user_instructions = 0;
    std::uint64_t kernel_instructions = 0;
    std::uint64_t user_uops = 0;
    std::uint64_t kernel_uops = 0;
    std::uint64_t user_cycles = 0;
    std::uint64_t kernel_cycles = 0;
    std::uint64_t loads = 0;
    std::uint64_t stores = 0;
    std::uint64_t forwarded_loads = 0;
    std::uint64_t branch_misses = 0;
    std::array<CpiStack, 2> cpi_stack{}; ///< cycles by mode and cause

    void declare(StatGroup group) const;
};

} // namespace pagewalk::models
