#pragma once

#include <cstdint>
#include <string_view>

namespace pagewalk::workloads {

/// How a program touches its memory before it works on it.
enum class FirstTouch : std::uint8_t {
    Off,   ///< the work itself does
    Pages, ///< one store in each 4 KiB page, upwards
    Lines, ///< every byte, upwards, with two 32-byte stores a cache line
};

/// What all generators share.
struct CommonConfig {
    /// Of all threads together, first touch included; the program ends at the first iteration that reaches
    /// it. 0 = the generator's natural end.
    std::uint64_t instructions = 100'000'000;
    std::uint64_t seed = 1;
    std::uint32_t threads = 1; ///< 1 .. 1024
    FirstTouch first_touch = FirstTouch::Lines;
    bool huge_pages = false; ///< madvise(MADV_HUGEPAGE) on every area right after mmap
    bool hugetlb = false;    ///< MAP_HUGETLB: every area is of pages of 2 MiB from their pool
};

/// Checks common limits. Errors: ConfigError.
void validate(const CommonConfig& config);

/// Errors: ConfigError naming key, value and range when `value` is not in [least, most].
void require_range(std::string_view key, std::uint64_t value, std::uint64_t least, std::uint64_t most);

} // namespace pagewalk::workloads
