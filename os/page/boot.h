#pragma once

#include "os/page/memory_map.h"
#include "os/page/page_allocator.h"

#include <cstdint>
#include <memory>

namespace pagewalk::os {

/// Frames below which the kernel turns transparent huge pages off: 512 MiB.
inline constexpr std::uint64_t hugepage_minimum = (512ULL << 20) >> page_shift;

/// Boots the page allocator on a machine: lays out zones, gives every usable frame that is not reserved to
/// the free lists in the kernel's order, and computes watermarks, reserves and per-CPU list sizes when the
/// kernel does, before `freed_late` memory arrives. Errors: ConfigError from MemoryMap::validate().
[[nodiscard]] std::unique_ptr<PageAllocator> boot_page_allocator(const MemoryMap& map,
                                                                 const PageSettings& settings = {});

} // namespace pagewalk::os
