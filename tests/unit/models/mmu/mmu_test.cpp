#include "models/mmu/mmu.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::cold_cycles;
using rig::l1_cycles;
using rig::PageTables;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr VirtAddr kernel{0xffff888000000000};
constexpr Pfn frame{0x80000}; // aligned to 2 MiB and 1 GiB
constexpr std::uint64_t huge = level_span(2);
constexpr std::uint64_t gigabyte = level_span(3);
/// What precedes a walk's first reference: the second-level TLB's look-up (7), then the paging-structure
/// caches' (1).
constexpr std::uint64_t before_walk = 7 + 1;

class EventCollector final : public EventSink {
public:
    void append(const EventSchema&, std::span<const std::byte> rows) override {
        const std::size_t old = events.size();
        events.resize(old + rows.size() / sizeof(TlbMissEvent));
        std::memcpy(events.data() + old, rows.data(), rows.size());
    }
    std::vector<TlbMissEvent> events;
};

/// A first access in one go: cycle at which everything is quiet again.
constexpr std::uint64_t later = 100'000;

TEST(Mmu, ColdWalkReadsEveryLevelFromMemory) {
    PagingRig rig;
    rig.space.map(user, frame);
    const Translation t = rig.mmu.translate_load(user + 0x123, Cycles(1000));
    EXPECT_EQ(t.address, address_of(frame) + 0x123);
    EXPECT_EQ(t.ready.value(), 1000 + before_walk + 4 * cold_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
    EXPECT_EQ(rig.mmu.walker().stats().walk_references, 4U);
    EXPECT_EQ(rig.mmu.walker().stats().references_at[static_cast<std::size_t>(HitLevel::Memory)], 4U);
    EXPECT_EQ(rig.mmu.walker().stats().walk_cycles, 1 + 4 * cold_cycles);
    EXPECT_EQ(rig.mmu.stats().dtlb_misses, 1U);
    EXPECT_EQ(rig.mmu.stats().l2_tlb_data_misses, 1U);
}

TEST(Mmu, FiveLevelWalkReadsOneMore) {
    MmuConfig config;
    config.levels = 5;
    PagingRig rig(config);
    rig.space.map(user, frame);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(0)).ready.value(), before_walk + 5 * cold_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().walk_references, 5U);
}

TEST(Mmu, HugePagesEndTheWalkEarly) {
    PagingRig rig;
    rig.space.map(user, frame, PageSize::Page2M);
    rig.space.map(user + 512 * gigabyte, frame, PageSize::Page1G);
    const Translation two = rig.mmu.translate_load(user + huge - 1, Cycles(0));
    EXPECT_EQ(two.address, address_of(frame) + (huge - 1));
    EXPECT_EQ(two.ready.value(), before_walk + 3 * cold_cycles);
    const Translation one = rig.mmu.translate_load(user + 512 * gigabyte + gigabyte - 1, Cycles(later));
    EXPECT_EQ(one.address, address_of(frame) + (gigabyte - 1));
    // The root's line is in L1 by now: entries 254 and 255 share it.
    EXPECT_EQ(one.ready.value(), later + before_walk + l1_cycles + cold_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().walk_references, 5U);
}

TEST(Mmu, WalkBeginsWhereThePagingStructureCachesEnd) {
    PagingRig rig;
    struct Case {
        std::uint64_t offset;
        unsigned references;
    };
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    // Another page of the 2 MiB region, of the 1 GiB region, of the 512 GiB region, of none.
    std::uint64_t cycle = later;
    for (const Case c : {Case{page_size, 1}, Case{huge, 2}, Case{gigabyte, 3}, Case{512 * gigabyte, 4},
                         Case{2 * page_size, 1}}) {
        rig.space.map(user + c.offset, frame);
        const std::uint64_t before = rig.mmu.walker().stats().walk_references;
        EXPECT_FALSE(rig.mmu.translate_load(user + c.offset, Cycles(cycle)).faulted());
        EXPECT_EQ(rig.mmu.walker().stats().walk_references - before, c.references) << std::hex << c.offset;
        cycle += later;
    }
}

TEST(Mmu, WalkOfATableThatIsNoMoreBeginsAboveIt) {
    PagingRig rig;
    rig.space.map(user, frame);
    rig.space.map(user + huge, frame + 1);
    ASSERT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    // The OS layer has freed the table; the shoot-down is still on its way.
    PageTableEntry& upper = rig.space.entry(user, 2);
    rig.tables.remove(upper.frame());
    upper = PageTableEntry();
    EXPECT_TRUE(rig.mmu.translate_load(user + page_size, Cycles(later)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user + huge, Cycles(2 * later)).faulted());
}

TEST(Mmu, WalkReferenceThatHitsTheDataCacheTakesItsLatency) {
    PagingRig rig;
    rig.space.map(user, frame);
    rig.space.map(user + page_size, frame + 1);     // the same line of entries
    rig.space.map(user + 8 * page_size, frame + 8); // the next
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user + page_size, Cycles(later)).ready.value(),
              later + before_walk + l1_cycles);
    EXPECT_EQ(rig.mmu.translate_load(user + 8 * page_size, Cycles(2 * later)).ready.value(),
              2 * later + before_walk + cold_cycles);
}

TEST(Mmu, FirstLevelHitIsReadyAtOnce) {
    PagingRig rig;
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user + 8, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
    EXPECT_EQ(rig.mmu.stats().dtlb_misses, 1U);
}

TEST(Mmu, FirstLevelLatencyIsAddedToAHit) {
    MmuConfig config;
    config.l1_latency = Cycles(2);
    PagingRig rig(config);
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later)).ready.value(), later + 2);
}

TEST(Mmu, AccessToATranslationUnderWayWaitsForItsWalk) {
    PagingRig rig;
    rig.space.map(user, frame);
    const std::uint64_t ready = rig.mmu.translate_load(user, Cycles(0)).ready.value();
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(1)).ready.value(), ready);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(ready - 1)).ready.value(), ready);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(ready)).ready.value(), ready);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(ready + 1)).ready.value(), ready + 1);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
}

/// Touches `user` and then, in the default first-level TLB of 64 entries in 4 ways (16 sets), four pages of
/// its set: the translation of `user` is in the second level alone.
void push_out_of_first_level(PagingRig& rig) {
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    for (std::uint64_t i = 1; i <= 4; ++i) {
        rig.space.map(user + i * 16 * page_size, frame + i);
        EXPECT_FALSE(rig.mmu.translate_load(user + i * 16 * page_size, Cycles(i * 10'000)).faulted());
    }
}

TEST(Mmu, SecondLevelHitAddsItsLatency) {
    PagingRig rig;
    push_out_of_first_level(rig);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later)).ready.value(), later + 7);
    EXPECT_EQ(rig.mmu.stats().l2_tlb_hits, 1U);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 5U);
    // In the first level now, but not ready before the look-up below has ended.
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later + 6)).ready.value(), later + 7);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later + 8)).ready.value(), later + 8);
    EXPECT_EQ(rig.mmu.stats().l2_tlb_hits, 1U);
}

TEST(Mmu, SecondLevelIsSharedByFetchesAndLoads) {
    PagingRig rig;
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_fetch(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later)).ready.value(), later + 7);
    EXPECT_EQ(rig.mmu.stats().itlb_misses, 1U);
    EXPECT_EQ(rig.mmu.stats().dtlb_misses, 1U);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
}

TEST(Mmu, HugePagesStayInTheirOwnFirstLevelTlb) {
    PagingRig rig;
    rig.space.map(user, frame, PageSize::Page2M);
    rig.space.map(user + gigabyte, frame, PageSize::Page1G);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user + gigabyte, Cycles(10'000)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user + huge - 8, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.translate_load(user + gigabyte + 5 * huge, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 2U);
}

TEST(Mmu, GigabytePagesHitTheTwoMegabyteTlbWhereThereIsNoOther) {
    MmuConfig config;
    config.l1d_1g.entries = 0;
    PagingRig rig(config);
    rig.space.map(user, frame, PageSize::Page1G);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_load(user + 8, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.stats().dtlb_misses, 1U);
}

TEST(Mmu, FetchesFromAGigabytePageHitTheFirstLevel) {
    PagingRig rig;
    rig.space.map(user, frame, PageSize::Page1G);
    EXPECT_FALSE(rig.mmu.translate_fetch(user, Cycles(0)).faulted());
    // Another 4 KiB of the page, whose tag within the TLB is the same.
    EXPECT_EQ(rig.mmu.translate_fetch(user + page_size, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.stats().itlb_misses, 1U);
}

TEST(Mmu, SequentialFetchNeedsNoLookUp) {
    PagingRig rig;
    rig.space.map(user, frame);
    rig.space.map(user + page_size, frame + 1);
    const std::uint64_t ready = rig.mmu.translate_fetch(user, Cycles(0)).ready.value();
    EXPECT_EQ(ready, before_walk + 4 * cold_cycles);
    const Translation same = rig.mmu.translate_fetch(user + 0x40, Cycles(later));
    EXPECT_EQ(same.ready.value(), later);
    EXPECT_EQ(same.address, address_of(frame) + 0x40);
    EXPECT_EQ(rig.mmu.translate_fetch(user + page_size, Cycles(2 * later)).ready.value(),
              2 * later + before_walk + l1_cycles);
    EXPECT_EQ(rig.mmu.stats().itlb_misses, 2U);
}

TEST(Mmu, AddressSpacesTranslateApartAndKeepTheirEntries) {
    PagingRig rig;
    PageTables other(rig.tables, Pfn(0x2000), 4);
    rig.space.map(user, frame);
    other.map(user, frame + 1);
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(0)).address, address_of(frame));
    rig.mmu.set_context({other.root(), 2});
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later)).address, address_of(frame + 1));
    rig.mmu.set_context({rig.space.root(), 1});
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(2 * later)).address, address_of(frame));
    EXPECT_EQ(rig.mmu.walker().stats().walks, 2U);
}

TEST(Mmu, SwitchOfAddressSpaceForgetsTheLastFetchedPage) {
    PagingRig rig;
    PageTables other(rig.tables, Pfn(0x2000), 4);
    rig.space.map(user, frame);
    other.map(user, frame + 1);
    EXPECT_EQ(rig.mmu.translate_fetch(user, Cycles(0)).address, address_of(frame));
    rig.mmu.set_context({other.root(), 2});
    EXPECT_EQ(rig.mmu.translate_fetch(user, Cycles(later)).address, address_of(frame + 1));
}

TEST(Mmu, KernelTranslationsSurviveASwitchOfAddressSpace) {
    PagingRig rig;
    PageTables other(rig.tables, Pfn(0x2000), 4);
    rig.space.map(kernel, frame, PageSize::Page2M);
    EXPECT_FALSE(rig.mmu.translate_load(kernel, Cycles(0)).faulted());
    rig.mmu.set_context({other.root(), 2});
    EXPECT_EQ(rig.mmu.translate_load(kernel + 8, Cycles(later)).ready.value(), later);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
}

TEST(Mmu, OneWalkerServesWalksOneAfterTheOther) {
    MmuConfig config;
    config.walkers = 1;
    PagingRig rig(config);
    rig.space.map(user, frame);
    rig.space.map(user + 8 * page_size, frame);
    const std::uint64_t first = rig.mmu.translate_load(user, Cycles(0)).ready.value();
    // Asked for at 10, may begin at 17, but the walker is busy until `first`; its one reference misses.
    EXPECT_EQ(rig.mmu.translate_load(user + 8 * page_size, Cycles(10)).ready.value(),
              first + 1 + cold_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().walker_wait_cycles, first - 17);
}

TEST(Mmu, WalkThatBeginsAsTheWalkerIsDoneWaitsForNothing) {
    MmuConfig config;
    config.walkers = 1;
    PagingRig rig(config);
    rig.space.map(user, frame);
    rig.space.map(user + page_size, frame);
    rig.space.map(user + 2 * page_size, frame);
    const std::uint64_t first = rig.mmu.translate_load(user, Cycles(0)).ready.value();
    EXPECT_FALSE(rig.mmu.translate_load(user + page_size, Cycles(first - 7)).faulted());
    EXPECT_EQ(rig.mmu.walker().stats().walker_wait_cycles, 0U);
    // That walk takes 5 cycles from `first`; one that could begin a cycle before its end waits one.
    EXPECT_FALSE(rig.mmu.translate_load(user + 2 * page_size, Cycles(first - 7 + 4)).faulted());
    EXPECT_EQ(rig.mmu.walker().stats().walker_wait_cycles, 1U);
}

TEST(Mmu, TwoWalkersServeTwoWalksAtOnce) {
    MmuConfig config;
    config.walkers = 2;
    PagingRig rig(config);
    for (std::uint64_t i = 0; i < 3; ++i) rig.space.map(user + i * 512 * gigabyte, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user + 512 * gigabyte, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.walker().stats().walker_wait_cycles, 0U);
    EXPECT_FALSE(rig.mmu.translate_load(user + 1024 * gigabyte, Cycles(0)).faulted());
    EXPECT_GT(rig.mmu.walker().stats().walker_wait_cycles, 0U);
}

TEST(Mmu, WalkSetsTheAccessedBitsOnItsWay) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page4K,
                      PageTables::page_flags & ~PageTableEntry::Accessed & ~PageTableEntry::Dirty);
    PageTableEntry& upper = rig.space.entry(user, 2);
    upper = upper.without(PageTableEntry::Accessed);
    // Each update is a store to the line just read: an L1 hit.
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(0)).ready.value(),
              before_walk + 4 * cold_cycles + 2 * l1_cycles);
    EXPECT_TRUE(upper.has(PageTableEntry::Accessed));
    EXPECT_TRUE(leaf.has(PageTableEntry::Accessed));
    EXPECT_FALSE(leaf.has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.mmu.walker().stats().dirty_updates, 2U);
}

TEST(Mmu, FirstStoreToACleanPageWalksAgainAndSetsDirty) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page4K, PageTables::page_flags & ~PageTableEntry::Dirty);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_FALSE(leaf.has(PageTableEntry::Dirty));
    // One reference that hits L1, and the update.
    EXPECT_EQ(rig.mmu.translate_store(user, Cycles(later)).ready.value(),
              later + before_walk + 2 * l1_cycles);
    EXPECT_TRUE(leaf.has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.mmu.walker().stats().walks, 2U);
    EXPECT_EQ(rig.mmu.stats().dtlb_misses, 1U);
    // Known to be dirty now.
    EXPECT_EQ(rig.mmu.translate_store(user, Cycles(2 * later)).ready.value(), 2 * later);
    EXPECT_EQ(rig.mmu.walker().stats().walks, 2U);
}

TEST(Mmu, StoreThatMissesEverythingSetsAccessedAndDirtyInOneUpdate) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page4K,
                      PageTables::page_flags & ~PageTableEntry::Accessed & ~PageTableEntry::Dirty);
    EXPECT_EQ(rig.mmu.translate_store(user, Cycles(0)).ready.value(),
              before_walk + 4 * cold_cycles + l1_cycles);
    EXPECT_TRUE(leaf.has(PageTableEntry::Accessed) && leaf.has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.mmu.walker().stats().dirty_updates, 1U);
}

TEST(Mmu, FirstStoreToACleanHugePageWalksAgain) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page2M, PageTables::page_flags & ~PageTableEntry::Dirty);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.translate_store(user, Cycles(later)).ready.value(),
              later + before_walk + 2 * l1_cycles);
    EXPECT_TRUE(leaf.has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.mmu.translate_store(user + page_size, Cycles(2 * later)).ready.value(), 2 * later);
}

TEST(Mmu, PageThatIsNotPresentFaultsAfterTheWalk) {
    PagingRig rig;
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    const Translation t = rig.mmu.translate_load(user + page_size, Cycles(later));
    EXPECT_TRUE(t.faulted());
    EXPECT_EQ(t.ready.value(), later + before_walk + l1_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().faults, 1U);
    // Nothing is kept of it: once mapped, it is found.
    rig.space.map(user + page_size, frame + 1);
    EXPECT_EQ(rig.mmu.translate_load(user + page_size, Cycles(2 * later)).address, address_of(frame + 1));
}

TEST(Mmu, MissingUpperTableFaultsAtItsLevel) {
    PagingRig rig;
    EXPECT_TRUE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.mmu.walker().stats().walk_references, 1U);
}

TEST(Mmu, SwapEntryFaultsWhateverItsBits) {
    PagingRig rig;
    rig.space.entry(user, 1) = PageTableEntry(~std::uint64_t{PageTableEntry::Present});
    EXPECT_TRUE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_EQ(rig.space.entry(user, 1), PageTableEntry(~std::uint64_t{PageTableEntry::Present}));
}

TEST(Mmu, StoreToAReadOnlyPageFaultsAndALoadDoesNot) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page4K, PageTables::page_flags & ~PageTableEntry::Writable);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_TRUE(rig.mmu.translate_store(user, Cycles(later)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(2 * later)).faulted());
    leaf = PageTableEntry(frame + 1, PageTables::page_flags); // copied on write
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}});
    EXPECT_EQ(rig.mmu.translate_store(user, Cycles(3 * later)).address, address_of(frame + 1));
}

TEST(Mmu, FaultingStoreSetsNoBits) {
    PagingRig rig;
    PageTableEntry& leaf =
        rig.space.map(user, frame, PageSize::Page4K, PageTableEntry::Present | PageTableEntry::User);
    EXPECT_TRUE(rig.mmu.translate_store(user, Cycles(0)).faulted());
    EXPECT_EQ(leaf, PageTableEntry(frame, PageTableEntry::Present | PageTableEntry::User));
}

TEST(Mmu, UpperEntryForbidsStoresBelowIt) {
    PagingRig rig;
    rig.space.map(user, frame);
    PageTableEntry& upper = rig.space.entry(user, 3);
    upper = upper.without(PageTableEntry::Writable);
    EXPECT_TRUE(rig.mmu.translate_store(user, Cycles(0)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(later)).faulted());
}

TEST(Mmu, UpperEntryForbidsStoresOnceItIsCachedToo) {
    PagingRig rig;
    rig.space.map(user, frame);
    rig.space.map(user + page_size, frame);
    PageTableEntry& upper = rig.space.entry(user, 3);
    upper = upper.without(PageTableEntry::Writable);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_TRUE(rig.mmu.translate_store(user + page_size, Cycles(later)).faulted());
}

TEST(Mmu, FetchFromANoExecutePageFaultsAndALoadDoesNot) {
    PagingRig rig;
    rig.space.map(user, frame, PageSize::Page4K, PageTables::page_flags | PageTableEntry::NoExecute);
    EXPECT_TRUE(rig.mmu.translate_fetch(user, Cycles(0)).faulted());
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(later)).faulted());
}

TEST(Mmu, FetchFromANoExecutePageFaultsWithItsTranslationCached) {
    PagingRig rig;
    rig.space.map(user, frame, PageSize::Page4K, PageTables::page_flags | PageTableEntry::NoExecute);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_TRUE(rig.mmu.translate_fetch(user, Cycles(later)).faulted());
}

TEST(Mmu, InvalidationReachesEveryLevelAndTheWalkCaches) {
    PagingRig rig;
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    EXPECT_FALSE(rig.mmu.translate_fetch(user, Cycles(10'000)).faulted());
    // L1I, L1D and L2.
    EXPECT_EQ(rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}}), 3U);
    // All four references again, their lines in L1 by now.
    EXPECT_EQ(rig.mmu.translate_load(user, Cycles(later)).ready.value(), later + before_walk + 4 * l1_cycles);
    EXPECT_EQ(rig.mmu.walker().stats().walk_references, 8U);
}

TEST(Mmu, InvalidationForgetsTheLastFetchedPage) {
    PagingRig rig;
    PageTableEntry& leaf = rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_fetch(user, Cycles(0)).faulted());
    leaf = PageTableEntry();
    rig.mmu.invalidate({TlbInvalidation::Scope::AddressSpace, 1, {}, {}, {}});
    EXPECT_TRUE(rig.mmu.translate_fetch(user, Cycles(later)).faulted());
}

TEST(Mmu, EventTellsTheWalk) {
    PagingRig rig;
    EventCollector sink;
    rig.mmu.events().of<TlbMissEvent>().connect(&sink, {.every = 1});
    rig.space.map(user, frame);
    rig.space.map(user + huge, frame, PageSize::Page2M);
    EXPECT_FALSE(rig.mmu.translate_load(user + 5, Cycles(1000)).faulted());
    EXPECT_FALSE(rig.mmu.translate_store(user + huge, Cycles(later)).faulted());
    EXPECT_TRUE(rig.mmu.translate_fetch(kernel, Cycles(2 * later)).faulted());
    rig.mmu.events().of<TlbMissEvent>().flush();
    ASSERT_EQ(sink.events.size(), 3U);

    const TlbMissEvent& load = sink.events[0];
    EXPECT_EQ(load.time, (1000 + 7) * rig::cycle_ticks);
    EXPECT_EQ(load.address, user.value() + 5);
    EXPECT_EQ(load.latency, 1 + 4 * cold_cycles);
    EXPECT_EQ(load.levels, 4);
    EXPECT_EQ(load.page_size, PageSize::Page4K);
    EXPECT_EQ(load.access, FaultAccess::Read);
    EXPECT_EQ(load.fault, 0);
    EXPECT_EQ(load.kernel, 0);
    const auto memory = static_cast<std::uint8_t>(HitLevel::Memory);
    constexpr std::uint8_t none = TlbMissEvent::not_made;
    EXPECT_EQ(load.hit, (std::array<std::uint8_t, 5>{memory, memory, memory, memory, none}));

    const TlbMissEvent& store = sink.events[1];
    EXPECT_EQ(store.access, FaultAccess::Write);
    EXPECT_EQ(store.page_size, PageSize::Page2M);
    EXPECT_EQ(store.levels, 1); // the entry of level 3 is cached
    EXPECT_EQ(store.hit, (std::array<std::uint8_t, 5>{0, none, none, none, none})); // beside the first's

    const TlbMissEvent& fetch = sink.events[2];
    EXPECT_EQ(fetch.access, FaultAccess::Execute);
    EXPECT_EQ(fetch.fault, 1);
    EXPECT_EQ(fetch.kernel, 1);
    EXPECT_EQ(fetch.levels, 1);
}

TEST(Mmu, EveryNthEventIsKept) {
    PagingRig rig;
    EventCollector sink;
    rig.mmu.events().of<TlbMissEvent>().connect(&sink, {.every = 3});
    for (std::uint64_t i = 0; i < 7; ++i) {
        rig.space.map(user + i * page_size, frame + i);
        EXPECT_FALSE(rig.mmu.translate_load(user + i * page_size, Cycles(i * 10'000)).faulted());
    }
    rig.mmu.events().of<TlbMissEvent>().flush();
    ASSERT_EQ(sink.events.size(), 2U);
    EXPECT_EQ(sink.events[0].address, user.value() + 2 * page_size);
    EXPECT_EQ(sink.events[1].address, user.value() + 5 * page_size);
}

TEST(Mmu, WalksAreAddedUpInTheirHistograms) {
    PagingRig rig;
    rig.space.map(user, frame);
    EXPECT_FALSE(rig.mmu.translate_load(user, Cycles(0)).faulted());
    StatRegistry registry;
    rig.mmu.declare(registry.group("mmu"));
    ASSERT_GE(registry.histograms().size(), 2U);
    EXPECT_EQ(registry.histograms()[0].histogram->sum(), rig.mmu.walker().stats().walk_cycles);
    EXPECT_EQ(registry.histograms()[1].histogram->sum(), rig.mmu.walker().stats().walk_references);
    EXPECT_EQ(registry.histograms()[1].histogram->count(), rig.mmu.walker().stats().walks);
}

} // namespace
} // namespace pagewalk::models
