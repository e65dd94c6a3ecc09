#pragma once

#include "os/path/lru_lists.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// The lists that can be reclaimed: all but the unevictable one. Indexed by LruList.
using ListPages = std::array<std::uint64_t, 4>;

/// What decides how much of each list is scanned.
struct ScanInputs {
    ListPages sizes{};                   ///< pages in the zones in question
    std::array<std::uint64_t, 2> cost{}; ///< anonymous, file: NodeLru::cost
    unsigned priority = 12;
    unsigned swappiness = 60;
    bool swaps = false;       ///< anonymous pages have somewhere to go
    bool trims_cache = false; ///< there are plenty of inactive file pages
    bool no_file = false;     ///< next to no file pages are left
};

/// get_scan_count of Linux 6.1: pages of each list to scan.
[[nodiscard]] ListPages pages_to_scan(const ScanInputs& inputs);

/// shrink_lruvec's second thoughts: enough has been reclaimed, so the kind of list that has less left is done
/// and the other goes on to the same share. False when nothing is left to do.
[[nodiscard]] bool adjust_targets(ListPages& left, const ListPages& targets);

} // namespace pagewalk::os
