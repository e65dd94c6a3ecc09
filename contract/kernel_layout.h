#pragma once

#include "base/address.h"
#include "base/ids.h"

/// Where Linux on x86-64 with 4-level paging and no KASLR puts things (Documentation/arch/x86/x86_64/mm.rst).
namespace pagewalk::kernel_layout {

inline constexpr VirtAddr direct_map_base{0xffff888000000000ULL};
inline constexpr VirtAddr vmalloc_base{0xffffc90000000000ULL};
inline constexpr VirtAddr vmemmap_base{0xffffea0000000000ULL};
inline constexpr VirtAddr text_base{0xffffffff81000000ULL};
inline constexpr VirtAddr user_end{0x00007ffffffff000ULL};
inline constexpr std::uint64_t struct_page_size = 64;

/// Kernel address of physical memory in the direct map.
[[nodiscard]] constexpr VirtAddr direct_map(PhysAddr address) { return direct_map_base + address.value(); }
/// Kernel address of the struct page of a frame.
[[nodiscard]] constexpr VirtAddr struct_page(Pfn frame) {
    return vmemmap_base + frame.value() * struct_page_size;
}
[[nodiscard]] constexpr bool is_kernel(VirtAddr address) { return (address.value() >> 47) != 0; }

} // namespace pagewalk::kernel_layout
