#include "os/reclaim/generation_aging.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

constexpr LruVec vec{NodeId{0}};

struct Aging : testing::Test {
    ReclaimRig rig{FileCache::Cold, ReclaimPolicyKind::Mglru};
    LruGenerations& generations = *rig.frames.lru().generations();
    GenerationAging aging{{rig.frames, rig.vm, rig.workingset, generations}};

    Aging() {
        for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    }
    void age(bool swaps = true) {
        rig.at_once([&](Operation& op) {
            aging.age(op, vec, swaps);
            rig.vm.activate(op, *rig.space);
        });
    }
    void access(std::uint64_t first, std::uint64_t pages) {
        for (std::uint64_t number = first; number < first + pages; ++number) rig.write(number);
    }
    [[nodiscard]] unsigned generation(std::uint64_t number) {
        return generations.generation(rig.entry(*rig.space, page(number)).frame());
    }
};

TEST_F(Aging, PutsAccessedPagesIntoTheYoungestBeforeTheNextBegins) {
    age();
    EXPECT_EQ(generations.ages(vec).youngest, 4U);
    EXPECT_EQ(generation(0), 3U); // all were accessed
    access(0, 16);
    age();
    EXPECT_EQ(generation(0), 0U); // 4
    EXPECT_EQ(generation(16), 3U);
    EXPECT_EQ(generations.size(vec, LruKind::Anon, 4), 16U);
}

TEST_F(Aging, LooksNoMoreIntoTablesWithFewAccesses) {
    age();
    access(0, 7); // of 64: fewer than one a line
    age();
    EXPECT_EQ(generation(0), 0U);
    access(0, 64);
    age(); // passes over the table
    EXPECT_EQ(generation(63), 3U);
    auto around = aging.around(vec, true); // reclaim has met an accessed page there
    around.saw(rig.tables.find(*rig.space, page(0)).table, 64, 64);
    age();
    EXPECT_EQ(generation(63), 2U); // 6
}

TEST_F(Aging, MakesRoomByEndingTheOldest) {
    for (int i = 0; i < 4; ++i) age();
    EXPECT_EQ(generations.ages(vec).youngest, 7U);
    for (const LruKind kind : {LruKind::Anon, LruKind::File})
        EXPECT_EQ(generations.ages(vec).count(kind), 4U);
    EXPECT_EQ(generations.size(vec, LruKind::Anon, 4), 64U); // not accessed since the first walk
}

TEST_F(Aging, LeavesAnonymousPagesWhereTheyAreWithoutSwap) {
    age(false);
    EXPECT_EQ(generation(0), 3U);
    EXPECT_TRUE(rig.entry(*rig.space, page(0)).has(PageTableEntry::Accessed));
    EXPECT_EQ(generations.ages(vec).oldest_of(LruKind::Anon), 1U);
}

TEST_F(Aging, IsDueWhereYoungPagesAreManyOrOldOnesFew) {
    EXPECT_FALSE(aging.need(vec, true).aging); // four generations
    EXPECT_EQ(aging.need(vec, true).pages, 64U);
    EXPECT_EQ(aging.need(vec, false).pages, 0U);
    for (const LruKind kind : {LruKind::Anon, LruKind::File}) generations.set_oldest(vec, kind, 1);
    EXPECT_TRUE(aging.need(vec, true).aging); // all are young
    age();
    generations.set_oldest(vec, LruKind::Anon, 2);
    generations.set_oldest(vec, LruKind::File, 2);
    EXPECT_TRUE(aging.need(vec, true).aging); // none are old
    generations.set_oldest(vec, LruKind::Anon, 3);
    EXPECT_TRUE(aging.need(vec, true).aging); // two generations
}

TEST_F(Aging, TakesPagesOfItsNodeOnly) {
    rig.at_once([&](Operation& op) {
        GenerationAging::Promotion elsewhere(aging, {NodeId{0}, 1}, true, 3);
        EXPECT_FALSE(elsewhere.take(op, rig.entry(*rig.space, page(0)).frame()));
        GenerationAging::Promotion here(aging, vec, true, 3);
        EXPECT_TRUE(here.take(op, rig.entry(*rig.space, page(0)).frame()));
    });
}

} // namespace
} // namespace pagewalk::os
