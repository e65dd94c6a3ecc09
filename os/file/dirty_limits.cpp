#include "os/file/dirty_limits.h"

#include "base/address.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + page_size - 1) >> page_shift; }

/// A percentage in 1/4096, which is rounded down twice.
std::uint64_t share_of(std::uint64_t percent, std::uint64_t pages) {
    return percent * page_size / 100 * pages / page_size;
}

/// What the zones keep back, for lower requests and for kswapd's work.
std::uint64_t reserved_pages(const PageAllocator& allocator) {
    std::uint64_t sum = 0;
    for (const auto& zone : allocator.zones()) {
        const std::uint64_t lowmem = *std::ranges::max_element(zone->lowmem_reserve);
        sum += std::min(lowmem + zone->watermark(Watermark::High), zone->managed);
    }
    return sum;
}

} // namespace

void WritebackConfig::declare(OptionGroup os) {
    os.number("dirty_ratio", dirty_ratio, {0, 100},
              {Unit::Count,
               "vm.dirty_ratio: percent of dirtyable memory above which writers wait for the disk",
               "Linux 6.1 default"});
    os.number("dirty_background_ratio", dirty_background_ratio, {0, 100},
              {Unit::Count, "vm.dirty_background_ratio: percent above which the flusher writes",
               "Linux 6.1 default"});
    os.number(
        "dirty_bytes", dirty_bytes, {0, 1ULL << 50},
        {Unit::Bytes, "vm.dirty_bytes: in place of dirty_ratio where it is not 0", "Linux 6.1 default"});
    os.number("dirty_background_bytes", dirty_background_bytes, {0, 1ULL << 50},
              {Unit::Bytes, "vm.dirty_background_bytes: in place of dirty_background_ratio where it is not 0",
               "Linux 6.1 default"});
    os.number("dirty_writeback", dirty_writeback, {0, 3600 * ticks_per_second},
              {Unit::Ticks,
               "vm.dirty_writeback_centisecs: how often old dirty pages are looked for; 0: never",
               "Linux 6.1 default"});
    os.number("dirty_expire", dirty_expire, {0, 3600 * ticks_per_second},
              {Unit::Ticks, "vm.dirty_expire_centisecs: age at which dirty pages are written",
               "Linux 6.1 default"});
}

DirtyLimits DirtyLimits::of(const WritebackConfig& config, std::uint64_t dirtyable) {
    DirtyLimits limits;
    limits.threshold =
        config.dirty_bytes != 0 ? pages_of(config.dirty_bytes) : share_of(config.dirty_ratio, dirtyable);
    limits.background = config.dirty_background_bytes != 0
                            ? pages_of(config.dirty_background_bytes)
                            : share_of(config.dirty_background_ratio, dirtyable);
    if (limits.background >= limits.threshold) limits.background = limits.threshold / 2;
    return limits;
}

std::uint64_t dirtyable_pages(const PageAllocator& allocator, std::uint64_t file_pages) {
    std::int64_t free = 0;
    for (const auto& zone : allocator.zones()) free += zone->exact_free_pages();
    const auto pages = static_cast<std::uint64_t>(std::max<std::int64_t>(free, 0));
    return pages - std::min(pages, reserved_pages(allocator)) + file_pages + 1; // never 0
}

} // namespace pagewalk::os
