#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::page;
using test::ReclaimRig;

struct Swapping : testing::Test {
    ReclaimRig rig;
    AddressSpace& space = *rig.space;
    ReclaimCounters& counters = rig.counters.reclaim;
};

TEST_F(Swapping, WritesAPageAndKeepsItInTheCacheMeanwhile) {
    const Pfn frame = rig.written(0);
    rig.page_out(0);
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(rig.disk.submitted.front().kind, BlockRequest::Kind::Write);
    EXPECT_TRUE(is_swap(rig.entry(space, page(0))));
    EXPECT_TRUE(rig.swap.caches(frame));
    EXPECT_EQ(counters.pswpout, 1U);
    EXPECT_EQ(counters.nr_swapcached, 1U);
    EXPECT_EQ(counters.nr_swap_writeback, 1U);
    EXPECT_EQ(space.swap_pages, 1U);
    EXPECT_EQ(space.anon_pages, 0U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
    rig.complete(0);
    EXPECT_EQ(counters.nr_swap_writeback, 0U);
    EXPECT_EQ(counters.pgrotated, 1U);
    EXPECT_EQ(rig.frames.lru().oldest(NodeId{}, LruList::InactiveAnon), frame.value());
}

TEST_F(Swapping, PutsNeighbouringSlotsIntoOneRequest) {
    for (std::uint64_t number = 0; number < 20; ++number) (void)rig.written(number);
    rig.page_out(0, 20);
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(rig.disk.submitted.front().bytes, 20 * page_size);
    EXPECT_EQ(rig.counters.pgpgout, 80U);
}

TEST_F(Swapping, GivesAPageBackFromTheCacheWithoutReading) {
    const Pfn frame = rig.written(0);
    rig.page_out(0);
    const auto result = rig.touch(space, page(0), FaultAccess::Read);
    EXPECT_EQ(result.kind, FaultKind::SwapCache);
    EXPECT_EQ(rig.entry(space, page(0)).frame(), frame);
    EXPECT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(space.swap_pages, 0U);
    EXPECT_EQ(rig.swap.area().used(), 1U); // the slot stays the page's own
}

TEST_F(Swapping, NeedNotWriteACleanPageAgain) {
    (void)rig.written(0);
    rig.swap_out(0);
    ASSERT_EQ(rig.read_back(0).kind, FaultKind::SwapMajor);
    EXPECT_EQ(counters.pswpin, 1U);
    const std::size_t requests = rig.disk.submitted.size();
    rig.page_out(0);
    EXPECT_TRUE(is_swap(rig.entry(space, page(0))));
    EXPECT_EQ(rig.disk.submitted.size(), requests);
    EXPECT_EQ(counters.nr_swapcached, 0U); // gone at once
    EXPECT_EQ(counters.pswpout, 1U);
}

TEST_F(Swapping, WritesAPageAgainThatWasWrittenToSince) {
    (void)rig.written(0);
    rig.swap_out(0);
    (void)rig.read_back(0);
    rig.write(0);
    rig.page_out(0);
    EXPECT_EQ(counters.pswpout, 2U);
}

TEST_F(Swapping, ReadsTheSlotsAroundAhead) {
    for (std::uint64_t number = 0; number < 16; ++number) (void)rig.written(number);
    rig.swap_out(0, 16);
    const std::size_t before = rig.disk.submitted.size();
    EXPECT_EQ(rig.read_back(8).kind, FaultKind::SwapMajor); // slots 8 to 15 hold pages 7 to 14
    ASSERT_EQ(rig.disk.submitted.size(), before + 1);
    EXPECT_EQ(rig.disk.submitted.back().bytes, 8 * page_size);
    EXPECT_EQ(counters.pswpin, 8U);
    EXPECT_EQ(counters.swap_ra, 7U);
    EXPECT_EQ(rig.touch(space, page(9), FaultAccess::Read).kind, FaultKind::SwapCache);
    EXPECT_EQ(counters.swap_ra_hit, 1U);
}

TEST_F(Swapping, GivesSlotsBackWithTheLastEntry) {
    for (std::uint64_t number = 0; number < 8; ++number) (void)rig.written(number);
    rig.swap_out(0, 4);
    rig.page_out(4, 4); // still being written
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, space, page(0), 8 * page_size); });
    EXPECT_EQ(space.swap_pages, 0U);
    EXPECT_EQ(rig.swap.area().used(), 4U);
    rig.complete_all();
    rig.reclaim_all(); // nobody needs what has been written
    EXPECT_EQ(rig.swap.area().used(), 0U);
    EXPECT_EQ(counters.nr_swapcached, 0U);
}

TEST_F(Swapping, StopsWhereTheAreaIsFull) {
    rig.map_anonymous(space, page(1000), test::swap_pages + 8);
    for (std::uint64_t number = 0; number < test::swap_pages + 8; ++number) (void)rig.written(1000 + number);
    rig.page_out(1000, test::swap_pages + 8);
    EXPECT_EQ(counters.pswpout, test::swap_pages - 1); // the header
    EXPECT_EQ(rig.swap.area().free(), 0U);
    EXPECT_TRUE(rig.swap.full());
    EXPECT_EQ(space.anon_pages, 9U);
}

TEST(SwapToZram, FreesAPageAtOnceAndReadsItBackWithoutWaiting) {
    ReclaimRig rig(FileCache::Cold, ReclaimPolicyKind::Lru, 200);
    const ReclaimCounters& counters = rig.counters.reclaim;
    for (std::uint64_t number = 0; number < 16; ++number) (void)rig.written(number);
    rig.page_out(0, 16);
    EXPECT_FALSE(rig.entry(*rig.space, page(0)).present());
    EXPECT_EQ(counters.pswpout, 16U);
    EXPECT_EQ(counters.nr_swapcached, 0U);
    EXPECT_EQ(counters.zram_pool, 8U);
    const auto result = rig.touch(*rig.space, page(0), FaultAccess::Read);
    EXPECT_EQ(result.status, VirtualMemory::FaultStatus::Done);
    EXPECT_EQ(result.kind, FaultKind::SwapMajor);
    EXPECT_EQ(counters.pswpin, 1U);       // no readahead
    EXPECT_EQ(counters.zram_stored, 15U); // its slot is free
    EXPECT_TRUE(rig.disk.submitted.empty());
    rig.page_out(0);
    EXPECT_EQ(counters.pswpout, 17U); // is nowhere else
}

TEST(SwapToZram, KeepsAPageForEachWhoSharesIt) {
    ReclaimRig rig(FileCache::Cold, ReclaimPolicyKind::Lru, 200);
    (void)rig.written(0);
    const auto child = rig.fork();
    for (int i = 0; i < 3; ++i) rig.reclaim_all(); // until it has not been used for a round
    ASSERT_FALSE(rig.entry(*child, page(0)).present());
    (void)rig.touch(*rig.space, page(0), FaultAccess::Read);
    EXPECT_EQ(rig.counters.reclaim.zram_stored, 1U);
    (void)rig.touch(*child, page(0), FaultAccess::Read);
    EXPECT_EQ(rig.counters.reclaim.zram_stored, 0U);
}

} // namespace
} // namespace pagewalk::os
