#pragma once

#include "contract/instruction_stream.h"

#include <cstdint>
#include <vector>

/// Where a synthetic program has its memory: as a static, non-PIE x86-64 Linux program has.
namespace pagewalk::workloads::layout {

inline constexpr VirtAddr text{0x401000};
inline constexpr std::uint64_t text_bytes = 0x20000;
/// The work that all threads share; before it is what the first thread does once.
inline constexpr VirtAddr work_text = text + text_bytes / 2;
/// Where brk starts. The first growth is glibc's: 132 KiB (M_TOP_PAD and a page).
inline constexpr VirtAddr heap{0x10000000};
inline constexpr std::uint64_t heap_bytes = 0x21000;
/// mmap results grow upwards from here, each generator choosing its own; below the stack by 30 TiB.
inline constexpr VirtAddr mmap_base{0x600000000000};
inline constexpr VirtAddr stack_end{0x7ffffffff000};
/// Linux' initial stack mapping.
inline constexpr std::uint64_t stack_bytes = 0x21000;
inline constexpr std::uint64_t huge_page_bytes = 2ULL << 20;

[[nodiscard]] inline std::uint64_t page_round(std::uint64_t bytes) {
    return (bytes + page_size - 1) & ~(page_size - 1);
}
/// So that neighbouring mappings neither merge nor share a huge page.
[[nodiscard]] inline std::uint64_t huge_page_round(std::uint64_t bytes) {
    return (bytes + huge_page_bytes - 1) & ~(huge_page_bytes - 1);
}

[[nodiscard]] std::vector<InitialMapping> initial_mappings();

} // namespace pagewalk::workloads::layout
