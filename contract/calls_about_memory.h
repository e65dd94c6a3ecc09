#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

/// System calls of x86-64 whose results depend on where the kernel has put the caller's memory. Standard
/// library only: QEMU's plugin includes it too.
namespace pagewalk::calls_about_memory {

inline constexpr std::uint64_t open = 2, mmap = 9, mbind = 237, get_mempolicy = 239, migrate_pages = 256,
                               openat = 257, move_pages = 279;

/// Of get_mempolicy. Source: linux/mempolicy.h.
inline constexpr std::uint64_t node_flag = 1, address_flag = 2;

/// Pages that one call of move_pages tells; those of a longer one come as several.
inline constexpr std::size_t most_pages = 1024;

/// The file of /proc/self that tells of its process's memory and that `path` names; empty where it names
/// none.
[[nodiscard]] constexpr std::string_view file_of(std::string_view path) {
    constexpr std::string_view folder = "/proc/self/";
    constexpr std::array<std::string_view, 5> files{"numa_maps", "smaps", "smaps_rollup", "statm", "status"};
    if (!path.starts_with(folder)) return {};
    path.remove_prefix(folder.size());
    return std::find(files.begin(), files.end(), path) != files.end() ? path : std::string_view{};
}

/// Does the call open such a file?
[[nodiscard]] constexpr bool opens_file(std::uint64_t number, std::string_view path) {
    return (number == open || number == openat) && !file_of(path).empty();
}

/// Is it one that QEMU 7.2 does not make, and whose result depends on where memory is?
[[nodiscard]] constexpr bool is_about_nodes(std::uint64_t number,
                                            const std::array<std::uint64_t, 6>& arguments) {
    if (number == get_mempolicy) return (arguments[4] & address_flag) != 0;
    return number == mbind || number == migrate_pages || number == move_pages;
}

/// Does the call map anonymous memory of hugetlbfs, whose pools are the simulated kernel's?
[[nodiscard]] constexpr bool maps_hugetlb(std::uint64_t number,
                                          const std::array<std::uint64_t, 6>& arguments) {
    constexpr std::uint64_t anonymous = 0x20, hugetlb = 0x40000; // linux/mman.h
    constexpr std::uint64_t both = anonymous | hugetlb;
    return number == mmap && (arguments[3] & both) == both;
}

/// Does its result wait for what the OS layer answers?
[[nodiscard]] constexpr bool is_answered(std::uint64_t number,
                                         const std::array<std::uint64_t, 6>& arguments) {
    return is_about_nodes(number, arguments) || maps_hugetlb(number, arguments);
}

} // namespace pagewalk::calls_about_memory
