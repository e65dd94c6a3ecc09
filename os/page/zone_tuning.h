#pragma once

#include "os/page/page_allocator.h"

namespace pagewalk::os {

/// Sizes that the kernel computes from the managed pages at boot and again when a sysctl changes.

/// vm.min_free_kbytes for the memory at hand: 4 * sqrt(lowmem kB), 128 to 262144.
[[nodiscard]] std::int64_t computed_min_free_kbytes(const PageAllocator& allocator, NodeId node);

/// What khugepaged raises vm.min_free_kbytes to, so that pageblocks of each type stay free; 5 % of low memory
/// at most.
[[nodiscard]] std::int64_t khugepaged_min_free_kbytes(const PageAllocator& allocator, NodeId node);

/// min, low, high and promo of every zone from min_free_kbytes, and the per-CPU lists' high and batch with
/// them.
void set_watermarks(PageAllocator& allocator, std::int64_t min_free_kbytes);

/// lowmem_reserve from the ratios.
void set_lowmem_reserves(PageAllocator& allocator);

/// How far a CPU's part of a counter may run ahead, and below which mark that matters.
void set_stat_thresholds(PageAllocator& allocator);

/// The part of the zone's free counter that a CPU may keep to itself: normally, and while kswapd is at work.
[[nodiscard]] std::int32_t normal_stat_threshold(const PageAllocator& allocator, const Zone& zone);
[[nodiscard]] std::int32_t pressure_stat_threshold(const PageAllocator& allocator, const Zone& zone);

/// high and batch of the per-CPU lists from managed pages and the low watermark.
void set_pagesets(PageAllocator& allocator);

} // namespace pagewalk::os
