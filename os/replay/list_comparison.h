#pragma once

#include "os/page/page_allocator.h"
#include "os/replay/page_snapshot.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

/// How a page allocator's lists compare with captured ones.
struct ListComparison {
    std::uint64_t total = 0; ///< free lists, per-CPU lists and counters, pageblock maps
    std::uint64_t identical = 0;
    std::vector<std::string> differences;
};

/// Errors: InputError where the capture has other zones.
[[nodiscard]] ListComparison compare_lists(const PageAllocator& allocator, const PageSnapshot& real);

} // namespace pagewalk::os
