#pragma once

#include "contract/page_table.h"
#include "os/reclaim/swap_area.h"

namespace pagewalk::os {

/// A page-table entry of a page that is in swap: not present, with the slot's number in the frame's place.
/// Linux keeps the number elsewhere in the entry; no one but the kernel reads it.
inline constexpr std::uint64_t swap_entry_mark = 1ULL << 9; // not among the bits of protection_none

[[nodiscard]] constexpr bool is_swap(PageTableEntry entry) {
    return !entry.present() && (entry.raw() & swap_entry_mark) != 0;
}
[[nodiscard]] constexpr PageTableEntry swap_entry(SwapSlot slot) {
    return PageTableEntry(static_cast<std::uint64_t>(slot) << page_shift | swap_entry_mark);
}
/// Contract: is_swap().
[[nodiscard]] constexpr SwapSlot slot_of(PageTableEntry entry) {
    return static_cast<SwapSlot>(entry.frame().value());
}

} // namespace pagewalk::os
