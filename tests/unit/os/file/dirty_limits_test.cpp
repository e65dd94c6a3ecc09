#include "base/address.h"
#include "os/file/dirty_limits.h"
#include "os/kernel/boot.h"
#include "os/page/boot.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

// Thresholds of a Linux 6.1 with 512 MiB: /proc/vmstat says nr_dirty_threshold 18868 and
// nr_dirty_background_threshold 9422 at the same time.
TEST(DirtyLimits, AreSharesOfDirtyableMemory) {
    const DirtyLimits limits = DirtyLimits::of({}, 94364);
    EXPECT_EQ(limits.threshold, 18868U);
    EXPECT_EQ(limits.background, 9422U);
    EXPECT_EQ(limits.free_run(), (18868U + 9422U) / 2);
}

TEST(DirtyLimits, AreBytesWhereTheseAreGiven) {
    const DirtyLimits limits =
        DirtyLimits::of({.dirty_bytes = 40ULL << 20, .dirty_background_bytes = 16ULL << 20}, 94364);
    EXPECT_EQ(limits.threshold, 10240U);
    EXPECT_EQ(limits.background, 4096U);
}

TEST(DirtyLimits, LetTheFlusherBeginBeforeTasksWait) {
    EXPECT_EQ(DirtyLimits::of({.dirty_ratio = 10, .dirty_background_ratio = 10}, 100000).background,
              DirtyLimits::of({.dirty_ratio = 10}, 100000).threshold / 2);
}

TEST(DirtyablePages, LeaveTheZonesReservesOut) {
    const auto allocator = boot_page_allocator(pc_memory_map({512ULL << 20}, 1));
    std::int64_t free = 0;
    for (const auto& zone : allocator->zones()) free += zone->exact_free_pages();
    const std::uint64_t pages = dirtyable_pages(*allocator, 0);
    EXPECT_LT(pages, static_cast<std::uint64_t>(free));
    EXPECT_GT(pages, static_cast<std::uint64_t>(free) * 9 / 10);
    EXPECT_EQ(dirtyable_pages(*allocator, 1000), pages + 1000);
}

} // namespace
} // namespace pagewalk::os
