#pragma once

#include "base/option.h"
#include "os/path/memory_cgroup.h"

#include <cstdint>
#include <string>

namespace pagewalk::app {

/// What a program's memory cgroup may have, in bytes.
struct MemoryOptions {
    static constexpr std::uint64_t no_swap_limit = 1ULL << 50; ///< more than there can be

    std::uint64_t limit = 0, high = 0; ///< 0: no limit
    std::uint64_t low = 0, min = 0;
    std::uint64_t swap = no_swap_limit;

    void declare(OptionGroup group);
    /// `section` has the options. Throws ConfigError.
    void validate(const OptionSet& options, const std::string& section) const;
    [[nodiscard]] os::MemoryLimits limits() const;
};

} // namespace pagewalk::app
