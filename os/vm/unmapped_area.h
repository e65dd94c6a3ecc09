#pragma once

#include "os/vm/vma_list.h"

#include <cstdint>
#include <expected>

namespace pagewalk::os {

/// What a mapping asks of its place.
struct PlaceRequest {
    VirtAddr hint{};
    std::uint64_t bytes = 0;
    enum class Kind : std::uint8_t {
        Anywhere,
        Low,            ///< MAP_32BIT: between 1 and 2 GiB, from below
        Fixed,          ///< at the hint, whatever is there
        FixedNoReplace, ///< at the hint, or not at all
    };
    Kind kind = Kind::Anywhere;
    std::uint64_t alignment = page_size; ///< a power of two
};

/// Where a process without randomised addresses has its mappings begin, from the top down: the stack's limit
/// (8 MiB, at least 128 MiB with its guard) below the stack's top. Source: mmap_base of Linux 6.1, x86-64
inline constexpr VirtAddr mmap_base{0x7ffff7fff000};
/// vm.mmap_min_addr. Source: Debian's default
inline constexpr VirtAddr lowest_map{0x10000};

/// get_unmapped_area of x86-64. Errors: errno's ENOMEM, EINVAL, EPERM, EEXIST.
[[nodiscard]] std::expected<VirtAddr, int> find_unmapped_area(const VmaList& areas,
                                                              const PlaceRequest& request);

} // namespace pagewalk::os
