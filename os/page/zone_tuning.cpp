#include "os/page/zone_tuning.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

std::uint64_t integer_sqrt(std::uint64_t value) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = 1ULL << 31; bit != 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= value) root += bit;
    return root;
}

/// Frames above the high watermarks in the zones that user requests may come from.
std::uint64_t buffer_pages(const PageAllocator& allocator, NodeId node) {
    std::uint64_t sum = 0;
    for (const Zone* zone : allocator.zonelist(node, false)) {
        if (zone->type > ZoneType::Normal) continue;
        const std::uint64_t high = zone->watermark(Watermark::High);
        if (zone->managed > high) sum += zone->managed - high;
    }
    return sum;
}

bool is_high(const Zone& zone, ZoneLayout layout) {
    // ZONE_MOVABLE counts as high memory where it is cut from HighMem.
    return zone.type == ZoneType::HighMem || (zone.type == ZoneType::Movable && layout == ZoneLayout::I386);
}

std::int64_t pageset_batch(const Zone& zone) {
    // A quarter of 0.1 % of the zone, a quarter of 1 MiB at most, and one less than a power of two.
    std::uint64_t batch = std::min<std::uint64_t>(zone.managed >> 10, (1ULL << 20) / page_size) / 4;
    batch = std::max<std::uint64_t>(batch, 1);
    batch = std::bit_floor(batch + batch / 2) - 1;
    return static_cast<std::int64_t>(std::max<std::uint64_t>(batch, 1));
}

} // namespace

std::int64_t computed_min_free_kbytes(const PageAllocator& allocator, NodeId node) {
    const std::uint64_t lowmem_kbytes = buffer_pages(allocator, node) * (page_size >> 10);
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(integer_sqrt(lowmem_kbytes * 16)), 128, 262144);
}

std::int64_t khugepaged_min_free_kbytes(const PageAllocator& allocator, NodeId node) {
    std::uint64_t zones = 0;
    for (const auto& zone : allocator.zones())
        if (zone->populated() && zone->type <= ZoneType::Normal) ++zones;
    const std::uint64_t block = allocator.pages().pageblock_pages();
    std::uint64_t wanted = block * zones * 2 + block * zones * pcp_migratetype_count * pcp_migratetype_count;
    wanted = std::min(wanted, buffer_pages(allocator, node) / 20);
    return static_cast<std::int64_t>(wanted << (page_shift - 10));
}

void set_watermarks(PageAllocator& allocator, std::int64_t min_free_kbytes) {
    const auto pages_min = static_cast<std::uint64_t>(min_free_kbytes) >> (page_shift - 10);
    std::uint64_t lowmem = 0;
    for (const auto& zone : allocator.zones())
        if (!is_high(*zone, allocator.layout())) lowmem += zone->managed;
    for (const auto& zone : allocator.zones()) {
        std::uint64_t share = lowmem == 0 ? 0 : pages_min * zone->managed / lowmem;
        std::uint64_t min = share;
        // High memory is hardly needed by those who may use the reserve.
        if (is_high(*zone, allocator.layout()))
            min = std::clamp<std::uint64_t>(zone->managed / 1024, 32, 128);
        const std::uint64_t step =
            std::max(share >> 2, zone->managed * allocator.settings().watermark_scale_factor / 10000);
        zone->boost = 0;
        zone->watermarks = {min, min + step, min + 2 * step, min + 3 * step};
    }
    set_pagesets(allocator);
}

void set_lowmem_reserves(PageAllocator& allocator) {
    for (const auto& zone : allocator.zones()) {
        const std::uint64_t ratio = allocator.settings().lowmem_reserve_ratio[index_of(zone->type)];
        std::uint64_t above = 0;
        for (std::size_t type = index_of(zone->type) + 1; type < zone_type_count; ++type) {
            if (const Zone* upper = allocator.find_zone(zone->node, static_cast<ZoneType>(type)))
                above += upper->managed;
            zone->lowmem_reserve[type] = ratio == 0 || zone->managed == 0 ? 0 : above / ratio;
        }
    }
}

std::int32_t normal_stat_threshold(const PageAllocator& allocator, const Zone& zone) {
    const std::uint64_t cpus = allocator.cpus().size();
    const std::uint64_t units = zone.managed >> (27 - page_shift); // of 128 MiB
    return static_cast<std::int32_t>(
        std::min<std::uint64_t>(125, 2ULL * std::bit_width(cpus) * (1U + std::bit_width(units))));
}

std::int32_t pressure_stat_threshold(const PageAllocator& allocator, const Zone& zone) {
    const std::uint64_t distance = zone.watermark(Watermark::Low) - zone.watermark(Watermark::Min);
    return static_cast<std::int32_t>(std::clamp<std::uint64_t>(distance / allocator.cpus().size(), 1, 125));
}

void set_stat_thresholds(PageAllocator& allocator) {
    const auto cpus = static_cast<std::uint64_t>(allocator.cpus().size());
    for (const auto& zone : allocator.zones()) {
        if (!zone->populated()) continue;
        const std::int32_t threshold = normal_stat_threshold(allocator, *zone);
        zone->stat_threshold = threshold;
        const std::uint64_t tolerated = zone->watermark(Watermark::Low) - zone->watermark(Watermark::Min);
        const std::uint64_t drift = cpus * static_cast<std::uint64_t>(threshold);
        if (drift > tolerated) zone->drift_mark = zone->watermark(Watermark::High) + drift;
    }
}

void set_pagesets(PageAllocator& allocator) {
    const std::uint64_t fraction = allocator.settings().percpu_pagelist_high_fraction;
    for (const auto& zone : allocator.zones()) {
        auto sharing = static_cast<std::uint64_t>(std::ranges::count(allocator.cpus(), zone->node));
        if (sharing == 0) sharing = allocator.cpus().size();
        const std::int64_t batch = pageset_batch(*zone);
        const std::uint64_t total =
            fraction == 0 ? zone->watermark(Watermark::Low) : zone->managed / fraction;
        const std::int64_t high = std::max(static_cast<std::int64_t>(total / sharing), batch << 2);
        zone->pageset_batch = batch;
        zone->pageset_high = high;
        for (PerCpuPages& lists : zone->pcp) {
            lists.batch = batch;
            lists.high = high;
        }
    }
}

} // namespace pagewalk::os
