#pragma once

#include "base/address.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// An area as a walk shows it.
struct WalkedArea {
    VirtAddr start{}, end{};
    std::uint64_t flags = 0; ///< vm_flags
    std::uint64_t page_offset = 0;
    PhysAddr object{};   ///< struct vm_area_struct
    PhysAddr anon_vma{}; ///< 0: none
    std::string name;    ///< file, [heap], [stack] or -

    [[nodiscard]] bool shows_file() const { return name != "-" && !name.starts_with('['); }
};

struct WalkedTable {
    unsigned level = 1; ///< of what it holds: 1 = entries of 4 KiB pages
    VirtAddr at{};
    Pfn frame = no_pfn;
};

/// Consecutive pages in consecutive frames.
struct WalkedRun {
    VirtAddr at{};
    std::uint64_t pages = 0;
    Pfn frame = no_pfn;
    std::string flags; ///< letters: n anonymous, f file, s shared memory, z zero page, k kernel's, c w p d
    bool huge = false; ///< 2 MiB mappings; `pages` counts 4 KiB pages

    [[nodiscard]] bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

/// A process's memory.
struct WalkedProcess {
    std::vector<std::string> threads; ///< P0.., those that use the memory
    Pfn root = no_pfn;
    std::vector<WalkedArea> areas;
    std::vector<WalkedTable> tables;
    std::vector<WalkedRun> runs;
    std::uint64_t swapped = 0; ///< pages
};

/// All processes of a job at one instant.
struct ProcessWalk {
    std::uint64_t sequence = 0;
    std::string step; ///< "exec" or the marker's number
    std::vector<WalkedProcess> processes;
};

/// Reads a job's `walks`. Errors: InputError naming `name`, the line and the field, and where the capture
/// itself says that a walk is cut off.
[[nodiscard]] std::vector<ProcessWalk> parse_walks(std::string_view text, const std::string& name);

} // namespace pagewalk::os
