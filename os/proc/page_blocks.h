#pragma once

#include "os/page/page_allocator.h"

#include <string>

namespace pagewalk::os {

/// A map of physical memory: a line for each run of page blocks (of 2^pageblock_order frames) that have the
/// same values. Columns, named in the first line: first_pfn, blocks, node, zone, type (migratetype), and how
/// many frames of each block are free (on free lists or per-CPU lists), reserved, anonymous, file, kernel and
/// other. Linux has no such file; /proc/pagetypeinfo counts the blocks, /proc/kpageflags tells of every
/// frame.
[[nodiscard]] std::string page_blocks_text(const PageAllocator& allocator);

} // namespace pagewalk::os
