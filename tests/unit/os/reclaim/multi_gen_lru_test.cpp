#include "os/reclaim/multi_gen_lru.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

constexpr LruVec vec{NodeId{0}};

struct ReclaimByGenerations : testing::Test {
    ReclaimRig rig{FileCache::Cold, ReclaimPolicyKind::Mglru};
    ReclaimCounters& counters = rig.counters.reclaim;
    LruGenerations& generations = *rig.frames.lru().generations();

    /// Clean pages of a file that no program maps.
    void fill_cache(std::uint64_t pages) {
        rig.at_once([&](Operation& op) {
            const InodeId file = rig.files.open(op, "/data");
            for (std::uint64_t index = 0; index < pages; ++index) {
                const Pfn frame = rig.files.get_page_for_write(op, file, index).frame;
                rig.frames.pages().at(frame).owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
            }
            rig.lru.drain(op);
        });
    }
    [[nodiscard]] Pfn file_page(std::uint64_t index) { return rig.files.at(InodeId{0}).pages.find(index); }
    ScanControl pass(ScanControl control) {
        rig.at_once([&](Operation& op) { rig.reclaim.shrink_node(op, NodeId{0}, control); });
        return control;
    }
    void age() {
        ScanControl control{.by_kswapd = true};
        rig.at_once([&](Operation& op) { rig.reclaim.age_node(op, NodeId{0}, control); });
    }
    void use(std::uint64_t index, int times) {
        for (int i = 0; i < times; ++i)
            rig.at_once([&](Operation& op) { rig.files.mark_accessed(op, file_page(index)); });
    }
};

TEST_F(ReclaimByGenerations, Frees64OldestFilePagesAtATime) {
    fill_cache(256);
    const ScanControl done = pass({.wanted = 32, .priority = 2, .by_kswapd = true});
    EXPECT_EQ(done.reclaimed, 64U);
    EXPECT_EQ(counters.pgscan_kswapd, 64U);
    EXPECT_EQ(counters.pgsteal_kswapd, 64U);
    EXPECT_EQ(counters.pgsteal[1], 64U);
    EXPECT_EQ(rig.files.at(InodeId{0}).pages.next(0), 64U);
}

TEST_F(ReclaimByGenerations, DoesNothingForTwoReads) {
    fill_cache(128);
    for (std::uint64_t index = 0; index < 64; ++index) use(index, 1);
    pass({.wanted = 32, .priority = 1, .by_kswapd = true});
    EXPECT_EQ(counters.pgsteal[1], 64U);
    EXPECT_EQ(rig.counters.pgactivate, 0U);
    EXPECT_EQ(counters.pgrefill, 0U);
    EXPECT_EQ(rig.files.at(InodeId{0}).pages.next(0), 64U);
}

TEST_F(ReclaimByGenerations, LeavesYoungPagesToTheYoung) {
    for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    EXPECT_EQ(generations.size(vec, LruKind::Anon, 3), 64U); // faulted in
    fill_cache(128);
    pass({.wanted = 32, .priority = 1, .by_kswapd = true});
    EXPECT_EQ(counters.pgscan[0], 0U);
    EXPECT_EQ(counters.pgsteal[1], 64U);
}

TEST_F(ReclaimByGenerations, BeginsAGenerationWhereOldPagesAreFew) {
    for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    const auto youngest = [&] { return generations.ages(vec).youngest; };
    age(); // the first round leaves it to the pass
    EXPECT_EQ(youngest(), 3U);
    pass({.wanted = 32, .priority = 0, .by_kswapd = true}); // drops what is empty
    age();
    EXPECT_EQ(youngest(), 4U);
}

TEST_F(ReclaimByGenerations, SwapsWhatWasNotUsedForGenerations) {
    for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    rig.at_once([&](Operation& op) {
        ScanControl control{.priority = 0};
        for (int i = 0; i < 4; ++i) {
            rig.vm.activate(op, *rig.space);
            rig.reclaim.shrink_node(op, NodeId{0}, control);
            for (std::uint64_t number = 0; number < 8; ++number) rig.write(number); // in use
        }
    });
    rig.complete_all();
    EXPECT_EQ(counters.pswpout, 56U);
    EXPECT_TRUE(rig.entry(*rig.space, page(0)).present());
    EXPECT_FALSE(rig.entry(*rig.space, page(8)).present());
}

TEST_F(ReclaimByGenerations, PromotesWhatLiesAroundAnAccessedPage) {
    for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    // As if they were old: only their tables know that they are in use.
    for (std::uint64_t number = 0; number < 64; ++number)
        rig.frames.lru().rotate(rig.entry(*rig.space, page(number)).frame());
    EXPECT_EQ(generations.size(vec, LruKind::Anon, 1), 64U);
    for (std::uint64_t number = 0; number < 32; ++number)
        EXPECT_TRUE(rig.entry(*rig.space, page(number)).has(PageTableEntry::Accessed));
    pass({.wanted = 32, .priority = 0});
    pass({.wanted = 32, .priority = 0});
    EXPECT_EQ(counters.pswpout, 0U);
    EXPECT_EQ(generations.size(vec, LruKind::Anon, generations.ages(vec).youngest), 64U);
    EXPECT_FALSE(rig.entry(*rig.space, page(0)).has(PageTableEntry::Accessed));
}

TEST_F(ReclaimByGenerations, SparesTiersThatRefault) {
    fill_cache(256);
    use(0, 6); // the last tier
    RefaultTiers& tiers = rig.workingset.tiers(vec);
    tiers.note_evicted(LruKind::File, 0, 1000);
    tiers.note_evicted(LruKind::File, 3, 100);
    tiers.note_refaulted(LruKind::File, 3, 100);
    pass({.wanted = 32, .priority = 2, .by_kswapd = true});
    EXPECT_NE(file_page(0), no_pfn);
    EXPECT_EQ(generations.generation(file_page(0)), 1U);
    EXPECT_EQ(counters.workingset_activate[1], 1U);
    EXPECT_EQ(counters.pgrefill, 1U);
    EXPECT_EQ(counters.pgsteal[1], 64U);
}

TEST_F(ReclaimByGenerations, PutsDirtyFilePagesOffToTheNextGeneration) {
    fill_cache(128);
    rig.frames.pages().at(file_page(0)).owner_flags |= frame_flags::dirty;
    pass({.wanted = 32, .priority = 1, .by_kswapd = true});
    EXPECT_EQ(generations.generation(file_page(0)), 1U);
    EXPECT_NE(rig.flags(file_page(0)) & frame_flags::reclaim, 0);
    EXPECT_EQ(counters.pgscan[1], 64U);
}

TEST_F(ReclaimByGenerations, LeavesFilesAloneInTheMiddleOfAnOperation) {
    fill_cache(128);
    pass({.wanted = 32, .priority = 0, .spares_files = true});
    EXPECT_EQ(counters.pgscan[1], 0U);
}

TEST_F(ReclaimByGenerations, KeepsListsAndCountersTogether) {
    for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    fill_cache(200);
    for (unsigned round = 0; round < 40; ++round) {
        rig.at_once([&](Operation& op) { rig.vm.activate(op, *rig.space); });
        pass({.wanted = 32, .priority = round % 4, .by_kswapd = round % 3 == 0});
        age();
        rig.complete_all();
        for (const LruKind kind : {LruKind::Anon, LruKind::File}) {
            const LruGenerations::Ages ages = generations.ages(vec);
            ASSERT_LE(ages.count(kind), 4U);
            ASSERT_GE(ages.count(kind), 2U);
            std::uint64_t active = 0, all = 0;
            for (std::uint64_t number = ages.oldest_of(kind); number <= ages.youngest; ++number) {
                all += generations.size(vec, kind, number);
                if (number + 1 >= ages.youngest) active += generations.size(vec, kind, number);
            }
            const bool anon = kind == LruKind::Anon;
            ASSERT_EQ(anon ? rig.counters.nr_lru_anon : rig.counters.nr_lru_file, all) << round;
            ASSERT_EQ(anon ? rig.counters.nr_active_anon : rig.counters.nr_active_file, active) << round;
        }
    }
}

} // namespace
} // namespace pagewalk::os
