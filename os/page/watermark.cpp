#include "os/page/watermark.h"

namespace pagewalk::os {
namespace {

std::int64_t unusable_pages(const Zone& zone, unsigned order, AllocFlags flags) {
    std::int64_t pages = (std::int64_t{1} << order) - 1;
    if (!flags.any(alloc::reserves)) pages += static_cast<std::int64_t>(zone.highatomic_pages);
    if (!flags.any(alloc::cma)) pages += zone.free_cma_pages;
    return pages;
}

bool has_block(const Zone& zone, unsigned order, AllocFlags flags) {
    for (unsigned o = order; o < max_order; ++o) {
        const FreeArea& area = zone.areas[o];
        if (area.count == 0) continue;
        for (std::size_t type = 0; type < pcp_migratetype_count; ++type)
            if (!area.lists[type].empty()) return true;
        if (flags.any(alloc::cma) && !area.lists[static_cast<std::size_t>(Migratetype::Cma)].empty())
            return true;
        if (flags.any(alloc::highatomic | alloc::oom) &&
            !area.lists[static_cast<std::size_t>(Migratetype::HighAtomic)].empty())
            return true;
    }
    return false;
}

} // namespace

bool watermark_ok(const Zone& zone, unsigned order, std::uint64_t mark, ZoneType highest, AllocFlags flags,
                  std::int64_t free_pages) {
    free_pages -= unusable_pages(zone, order, flags);
    auto min = static_cast<std::int64_t>(mark);
    if (flags.any(alloc::reserves)) {
        if (flags.any(alloc::min_reserve)) {
            min -= min / 2;
            if (flags.any(alloc::non_block)) min -= min / 4;
        }
        if (flags.any(alloc::oom)) min -= min / 2;
    }
    if (free_pages <= min + static_cast<std::int64_t>(zone.lowmem_reserve[index_of(highest)])) return false;
    return order == 0 || has_block(zone, order, flags);
}

bool watermark_ok_fast(const Zone& zone, unsigned order, ZoneType highest, AllocFlags flags, GfpMask mask,
                       std::uint64_t extra) {
    const std::uint64_t mark = zone.watermarks[flags.watermark()] + zone.boost + extra;
    if (watermark_ok(zone, order, mark, highest, flags, zone.free_pages)) return true;
    if (order == 0 && mask.any(gfp::atomic_bit) && zone.boost != 0 && flags.watermark() == 0)
        return watermark_ok(zone, order, zone.watermark_without_boost(Watermark::Min), highest, flags,
                            zone.free_pages);
    return false;
}

bool watermark_ok_safe(const Zone& zone, unsigned order, std::uint64_t mark, ZoneType highest) {
    const bool exact = zone.drift_mark != 0 && zone.free_pages < static_cast<std::int64_t>(zone.drift_mark);
    return watermark_ok(zone, order, mark, highest, AllocFlags{},
                        exact ? zone.exact_free_pages() : zone.free_pages);
}

} // namespace pagewalk::os
