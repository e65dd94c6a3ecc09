#pragma once

#include "os/page/page_allocator.h"

#include <string>
#include <string_view>

namespace pagewalk::app {

/// The classic buddy walk: a page allocator with one free region of 1 MiB takes requests one by one, and
/// the region's blocks are printed after each.
///
/// `steps` are groups separated by ';', each a list separated by ','. `A=34KiB,B=33pages` allocates, a size
/// or a number of pages, in the smallest block that holds it; `exact A=33pages` gives the block's tail back
/// (alloc_pages_exact); `free A,B` frees. Sizes are powers of two pages because the buddy system has no
/// others.
///
/// Errors: InputError for a step that is none of these, a name that is in use, or one that holds nothing.
[[nodiscard]] std::string buddy_walk_text(std::string_view steps, const os::PageSettings& settings = {});

} // namespace pagewalk::app
