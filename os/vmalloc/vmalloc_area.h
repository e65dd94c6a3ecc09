#pragma once

#include "base/address.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What a kernel virtual area is for. The bits are Linux 6.1's VM_* of vmalloc.
class VmFlags {
public:
    constexpr VmFlags() = default;
    explicit constexpr VmFlags(std::uint32_t bits) : m_bits(bits) {}

    [[nodiscard]] constexpr std::uint32_t bits() const { return m_bits; }
    [[nodiscard]] constexpr bool any(VmFlags other) const { return (m_bits & other.m_bits) != 0; }
    [[nodiscard]] constexpr VmFlags without(VmFlags other) const { return VmFlags(m_bits & ~other.m_bits); }
    constexpr bool operator==(const VmFlags&) const = default;
    friend constexpr VmFlags operator|(VmFlags a, VmFlags b) { return VmFlags(a.m_bits | b.m_bits); }

private:
    std::uint32_t m_bits = 0;
};

namespace vm_flag {
inline constexpr VmFlags ioremap{0x1};
inline constexpr VmFlags alloc{0x2};   ///< vmalloc's own pages
inline constexpr VmFlags map{0x4};     ///< vmap of pages that others own
inline constexpr VmFlags usermap{0x8}; ///< may be mapped into a process
inline constexpr VmFlags dma_coherent{0x10};
inline constexpr VmFlags uninitialized{0x20}; ///< not yet mapped
inline constexpr VmFlags no_guard{0x40};
inline constexpr VmFlags flush_reset_perms{0x100}; ///< its translations go at once when it is freed
inline constexpr VmFlags map_put_pages{0x200};     ///< vfree of a vmap frees the pages too
inline constexpr VmFlags allow_huge{0x400};
} // namespace vm_flag

/// An area somebody asked for (struct vm_struct).
struct VmArea {
    VirtAddr address{};
    std::uint64_t size = 0; ///< bytes, with the guard page
    VmFlags flags;
    std::string_view caller; ///< symbol+offset/size, as /proc/vmallocinfo shows it
    std::vector<Pfn> pages;
    unsigned page_order = 0; ///< the frames come in aligned blocks of this order
    VirtAddr page_array{};   ///< where the kernel lists the pages: a slab object, or vmalloc for large areas
    PhysAddr physical{};     ///< of an ioremap
    VirtAddr object{};       ///< its vm_struct

    /// Bytes that can be used.
    [[nodiscard]] std::uint64_t usable() const {
        return flags.any(vm_flag::no_guard) ? size : size - page_size;
    }
};

/// A range of kernel virtual addresses (struct vmap_area): in exactly one of the trees of free, busy and
/// lazily freed ranges.
struct VmapArea {
    static constexpr std::uint64_t object_bytes = 64; ///< sizeof(struct vmap_area)

    VirtAddr start{};
    VirtAddr end{};
    VmArea* vm = nullptr; ///< busy areas; null for vm_map_ram and its blocks
    VirtAddr object{};    ///< its vmap_area

    VmapArea* parent = nullptr;
    VmapArea* left = nullptr;
    VmapArea* right = nullptr;
    VmapArea* list_prev = nullptr; ///< neighbours by address
    VmapArea* list_next = nullptr;
    std::uint64_t largest = 0; ///< bytes of the largest area at and below this node
    bool red = false;

    [[nodiscard]] std::uint64_t size() const { return end - start; }
};

} // namespace pagewalk::os
