#pragma once

#include "os/page/alloc_flags.h"
#include "os/page/gfp.h"
#include "os/page/zone.h"

#include <cstdint>

namespace pagewalk::os {

/// Whether an allocation of `order` may leave `zone` above `mark` when `free_pages` are free: the reserve of
/// lower zones, the highatomic and CMA pages and the requester's rights to reserves count. For order > 0 a
/// block must be there too.
[[nodiscard]] bool watermark_ok(const Zone& zone, unsigned order, std::uint64_t mark, ZoneType highest,
                                AllocFlags flags, std::int64_t free_pages);

/// The check of the allocation path: against the watermark that `flags` name plus `extra` pages. Sees the
/// zone's global free counter only. Atomic order-0 requests ignore boosting at the min watermark.
[[nodiscard]] bool watermark_ok_fast(const Zone& zone, unsigned order, ZoneType highest, AllocFlags flags,
                                     GfpMask mask, std::uint64_t extra = 0);

/// kswapd's and compaction's check: adds the per-CPU parts of the counter when free memory is low.
[[nodiscard]] bool watermark_ok_safe(const Zone& zone, unsigned order, std::uint64_t mark, ZoneType highest);

} // namespace pagewalk::os
