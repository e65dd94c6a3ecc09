#include "os/page/boot.h"

#include "os/page/zone_tuning.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

using FrameRange = std::pair<std::uint64_t, std::uint64_t>;

/// Frames that `ranges` touch, merged, ascending.
std::vector<FrameRange> touched_frames(const std::vector<PhysRange>& ranges) {
    std::vector<FrameRange> result;
    for (const PhysRange& range : ranges)
        if (range.begin < range.end)
            result.emplace_back(pfn_of(range.begin).value(), pfn_of(range.end + (page_size - 1)).value());
    std::ranges::sort(result);
    std::size_t kept = 0;
    for (const FrameRange& range : result) {
        if (kept != 0 && range.first <= result[kept - 1].second)
            result[kept - 1].second = std::max(result[kept - 1].second, range.second);
        else
            result[kept++] = range;
    }
    result.resize(kept);
    return result;
}

/// `begin` to `end` in the largest aligned blocks, ascending, as memblock hands memory over.
void release_range(PageAllocator& allocator, std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
        unsigned order =
            begin == 0 ? max_order - 1
                       : std::min<unsigned>(max_order - 1, static_cast<unsigned>(std::countr_zero(begin)));
        while (begin + (1ULL << order) > end) --order;
        allocator.release(Pfn(begin), order, CpuId{0});
        begin += 1ULL << order;
    }
}

} // namespace

std::unique_ptr<PageAllocator> boot_page_allocator(const MemoryMap& map, const PageSettings& settings) {
    map.validate();
    AllocatorLayout layout;
    layout.layout = map.layout;
    layout.zones = lay_out_zones(map);
    layout.cpus = map.cpus;
    layout.pageblock_order = map.pageblock_order;
    const std::size_t nodes = map.node_count();
    layout.distances.assign(nodes, std::vector<unsigned>(nodes));
    for (std::size_t from = 0; from < nodes; ++from)
        for (std::size_t to = 0; to < nodes; ++to)
            layout.distances[from][to] = map.distance(static_cast<NodeId>(from), static_cast<NodeId>(to));

    auto allocator = std::make_unique<PageAllocator>(layout, settings);
    PageMap& pages = allocator->pages();
    std::uint64_t managed_total = 0;
    std::vector<PhysRange> kept_back = map.reserved;
    kept_back.insert(kept_back.end(), map.freed_late.begin(), map.freed_late.end());
    const std::vector<FrameRange> reserved = touched_frames(kept_back);
    for (const auto& [begin, end] : usable_frames(map)) {
        pages.fill(begin, end, PageMap::Default::Reserved);
        for (std::uint64_t block = begin.value() >> map.pageblock_order << map.pageblock_order;
             block < end.value(); block += pages.pageblock_pages())
            pages.set_pageblock_type(block, Migratetype::Movable);
    }
    // Zone boundaries never lie inside a block that is freed: memblock ranges are cut at nodes, zones at 4
    // MiB.
    for (const auto& zone : allocator->zones()) {
        for (const auto& [usable_begin, usable_end] : usable_frames(map)) {
            std::uint64_t at = std::max(usable_begin.value(), zone->start.value());
            const std::uint64_t end = std::min(usable_end.value(), zone->end().value());
            for (const FrameRange& range : reserved) {
                if (at >= end) break;
                if (range.second <= at) continue;
                if (range.first > at) release_range(*allocator, at, std::min(range.first, end));
                at = std::max(at, range.second);
            }
            if (at < end) release_range(*allocator, at, end);
        }
        managed_total += zone->managed;
    }
    // Too small to keep a pageblock of each type apart.
    if (!settings.group_by_mobility || managed_total < pages.pageblock_pages() * (migratetype_count - 1))
        allocator->buddy().set_group_by_mobility(false);

    const NodeId node = map.cpus[CpuId{0}];
    const bool user_set = settings.min_free_kbytes >= 0;
    std::int64_t min_free = user_set ? settings.min_free_kbytes : computed_min_free_kbytes(*allocator, node);
    set_watermarks(*allocator, min_free);
    set_stat_thresholds(*allocator);
    set_lowmem_reserves(*allocator);
    if (map.transparent_hugepages && managed_total >= hugepage_minimum && !user_set) {
        min_free = std::max(min_free, khugepaged_min_free_kbytes(*allocator, node));
        set_watermarks(*allocator, min_free);
    }
    allocator->settings().min_free_kbytes = min_free;

    for (const PhysRange& range : map.freed_late)
        for (std::uint64_t frame = pfn_of(range.begin + (page_size - 1)).value();
             frame < pfn_of(range.end).value(); ++frame)
            if (pages.peek(frame).is(PageState::Reserved)) allocator->release_reserved(Pfn(frame), CpuId{0});
    return allocator;
}

} // namespace pagewalk::os
