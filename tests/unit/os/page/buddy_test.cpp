#include "os/page/buddy.h"

#include <memory>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// One zone over 16 MiB of movable pageblocks, nothing free.
class BuddyAllocator : public testing::Test {
protected:
    static constexpr std::uint64_t frames = 4096;

    BuddyAllocator() : m_pages(Pfn(frames), 9), m_buddy(m_pages) {
        m_pages.fill(Pfn(0), Pfn(frames), PageMap::Default::Plain);
        m_zone.spanned = m_zone.present = m_zone.managed = frames;
        m_zone.pcp.resize(1);
        for (std::uint64_t frame = 0; frame < frames; frame += 512)
            m_pages.set_pageblock_type(frame, Migratetype::Movable);
    }

    void free(std::uint32_t frame, unsigned order, Migratetype type = Migratetype::Movable,
              AllocTrace* trace = nullptr) {
        m_buddy.free(m_zone, frame, order, type, CpuId{0}, Buddy::Placement::MergeLikely, trace);
    }
    std::vector<Pfn> list(unsigned order, Migratetype type = Migratetype::Movable) const {
        return m_zone.areas[order].lists[static_cast<std::size_t>(type)].frames(m_pages);
    }

    PageMap m_pages;
    Zone m_zone;
    Buddy m_buddy;
};

TEST_F(BuddyAllocator, MergesFreedBuddiesUpToMaxOrder) {
    AllocTrace trace;
    for (std::uint32_t frame = 0; frame < max_order_pages; ++frame)
        free(frame, 0, Migratetype::Movable, &trace);
    EXPECT_EQ(list(max_order - 1), std::vector{Pfn(0)});
    EXPECT_EQ(trace.merge_levels, max_order_pages - 1);
    EXPECT_EQ(m_zone.free_pages, static_cast<std::int64_t>(max_order_pages));
}

TEST_F(BuddyAllocator, DoesNotMergeBeyondTheLargestOrder) {
    free(0, 10);
    free(1024, 10);
    EXPECT_EQ(list(10), (std::vector{Pfn(1024), Pfn(0)}));
}

TEST_F(BuddyAllocator, SplitsTheSmallestSufficientBlockAndKeepsItsUpperHalves) {
    free(0, 5);
    AllocTrace trace;
    EXPECT_EQ(m_buddy.take_smallest(m_zone, 2, Migratetype::Movable, &trace), 0u);
    EXPECT_EQ(list(2), std::vector{Pfn(4)});
    EXPECT_EQ(list(3), std::vector{Pfn(8)});
    EXPECT_EQ(list(4), std::vector{Pfn(16)});
    EXPECT_TRUE(list(5).empty());
    EXPECT_EQ(trace.split_levels, 3);
}

TEST_F(BuddyAllocator, PutsABlockWhoseNextBuddyIsFreeAtTheTail) {
    free(64, 1); // alone
    free(2, 1);  // its merged block's buddy, frames 4-7, is not free
    EXPECT_EQ(list(1), (std::vector{Pfn(2), Pfn(64)}));
    free(36, 2); // frames 36-39
    free(32, 1); // frames 32-33; merged with 34-35 it would join 36-39
    EXPECT_EQ(list(1), (std::vector{Pfn(2), Pfn(64), Pfn(32)}));
}

TEST_F(BuddyAllocator, FallsBackToAnotherTypeAndClaimsAMostlyFreePageblock) {
    free(0, 9);
    (void)m_buddy.take_smallest(m_zone, 0, Migratetype::Movable, nullptr);
    EXPECT_NE(m_buddy.take(m_zone, 0, Migratetype::Unmovable, {}, nullptr), Buddy::none);
    EXPECT_EQ(m_pages.pageblock_type(Pfn(0)), Migratetype::Unmovable);
    EXPECT_EQ(m_zone.counters.fallbacks, 1u);
}

TEST_F(BuddyAllocator, DoesNotClaimAPageblockThatIsMostlyMovable) {
    free(0, 6); // 64 free frames; the rest in use and movable
    for (std::uint32_t frame = 64; frame < 512; ++frame) m_pages.at(frame).set(PageState::Lru);
    EXPECT_NE(m_buddy.take(m_zone, 0, Migratetype::Unmovable, {}, nullptr), Buddy::none);
    EXPECT_EQ(m_pages.pageblock_type(Pfn(0)), Migratetype::Movable);
    EXPECT_FALSE(list(5, Migratetype::Unmovable).empty());
}

TEST_F(BuddyAllocator, WithoutFragmentationTakesWholePageblocksOnly) {
    free(0, 8);
    EXPECT_EQ(m_buddy.take(m_zone, 0, Migratetype::Unmovable, alloc::nofragment, nullptr), Buddy::none);
    free(1024, 9);
    EXPECT_EQ(m_buddy.take(m_zone, 0, Migratetype::Unmovable, alloc::nofragment, nullptr), 1024u);
}

TEST_F(BuddyAllocator, BoostsTheWatermarkWhenItMixesTypes) {
    m_zone.watermarks = {100, 200, 300, 400};
    free(0, 8);
    (void)m_buddy.take(m_zone, 0, Migratetype::Unmovable, alloc::kswapd, nullptr);
    EXPECT_EQ(m_zone.boost, 512u); // one pageblock, more than 150 % of the high mark
    EXPECT_TRUE(m_zone.boosted);
}

TEST_F(BuddyAllocator, IsolatedPageblocksDoNotMergeWithOthers) {
    m_pages.set_pageblock_type(512, Migratetype::Isolate);
    free(512, 9, Migratetype::Isolate);
    free(0, 9);
    EXPECT_EQ(list(9), std::vector{Pfn(0)});
    EXPECT_EQ(list(9, Migratetype::Isolate), std::vector{Pfn(512)});
    EXPECT_EQ(m_zone.free_pages, 512);
}

TEST_F(BuddyAllocator, TakesAFrameOutOfTheMiddleOfABlock) {
    free(0, 4);
    EXPECT_TRUE(m_buddy.take_out(m_zone, 6, 0, CpuId{0}));
    EXPECT_EQ(list(0), std::vector{Pfn(7)});
    EXPECT_EQ(list(1), std::vector{Pfn(4)});
    EXPECT_EQ(list(2), std::vector{Pfn(0)});
    EXPECT_EQ(list(3), std::vector{Pfn(8)});
    EXPECT_FALSE(m_buddy.take_out(m_zone, 6, 0, CpuId{0}));
    EXPECT_EQ(m_zone.free_pages, 15);
}

TEST_F(BuddyAllocator, ReservesAtMostOnePercentForAtomicRequests) {
    for (std::uint32_t frame = 0; frame < frames; frame += 1024) free(frame, 10);
    m_buddy.reserve_highatomic(m_zone, 0, nullptr);
    m_buddy.reserve_highatomic(m_zone, 1024, nullptr);
    EXPECT_EQ(m_zone.highatomic_pages, 1024u); // 1 % is 40 frames, and one pageblock on top
    m_buddy.reserve_highatomic(m_zone, 2048, nullptr);
    EXPECT_EQ(m_zone.highatomic_pages, 1024u);
}

TEST_F(BuddyAllocator, GivesTheReserveBackButKeepsOnePageblockUnlessForced) {
    free(0, 8);
    free(1024, 8);
    m_buddy.reserve_highatomic(m_zone, 0, nullptr);
    m_buddy.reserve_highatomic(m_zone, 1024, nullptr);
    EXPECT_TRUE(m_buddy.unreserve_highatomic(m_zone, Migratetype::Unmovable, false, nullptr));
    EXPECT_FALSE(m_buddy.unreserve_highatomic(m_zone, Migratetype::Unmovable, false, nullptr));
    EXPECT_TRUE(m_buddy.unreserve_highatomic(m_zone, Migratetype::Unmovable, true, nullptr));
    EXPECT_EQ(m_zone.highatomic_pages, 0u);
}

} // namespace
} // namespace pagewalk::os
