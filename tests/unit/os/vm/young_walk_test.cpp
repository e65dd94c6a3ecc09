#include "tests/unit/os/vm/reclaim_rig.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

/// Takes what it is told of.
struct Taken final : YoungPages {
    std::set<Pfn> frames;
    unsigned pages = 0, accessed = 0, tables = 0;
    bool wanted = true, counts = true;

    bool take(Operation&, Pfn frame) override {
        frames.insert(frame);
        return counts;
    }
    bool wants(Pfn) const override { return wanted; }
    void saw(Pfn, unsigned of, unsigned used) override {
        ++tables;
        pages += of;
        accessed += used;
    }
};

struct YoungWalk : testing::Test {
    ReclaimRig rig;
    AddressSpace& space = *rig.space;
    Taken taken;

    YoungWalk() {
        rig.map_anonymous(space, page(64), 64);
        for (std::uint64_t number = 0; number < 128; ++number) (void)rig.written(number);
    }
    void forget_accesses() {
        for (std::uint64_t number = 0; number < 128; ++number) {
            PageTableEntry& entry = *rig.tables.find(space, page(number)).entry;
            entry = entry.without(PageTableEntry::Accessed);
        }
    }
    void walk(bool swaps = true) {
        rig.at_once([&](Operation& op) { rig.vm.walk_young(op, NodeId{0}, swaps, taken); });
    }
};

TEST_F(YoungWalk, TakesWhatWasAccessedOnce) {
    forget_accesses();
    rig.write(5);
    walk();
    EXPECT_EQ(taken.frames, (std::set{rig.entry(space, page(5)).frame()}));
    EXPECT_FALSE(rig.entry(space, page(5)).has(PageTableEntry::Accessed));
    EXPECT_EQ(taken.pages, 128U);
    EXPECT_EQ(taken.accessed, 1U);
    EXPECT_EQ(taken.tables, 1U);
}

TEST_F(YoungWalk, LeavesTheBitOfWhatDoesNotCount) {
    taken.counts = false;
    walk();
    EXPECT_EQ(taken.frames.size(), 128U);
    EXPECT_EQ(taken.accessed, 0U);
    EXPECT_TRUE(rig.entry(space, page(5)).has(PageTableEntry::Accessed));
}

TEST_F(YoungWalk, ComesBackOnceTheProcessHasRun) {
    walk();
    rig.write(5);
    walk();
    EXPECT_FALSE(taken.frames.empty());
    taken.frames.clear();
    walk();
    EXPECT_TRUE(taken.frames.empty());
    rig.at_once([&](Operation& op) { rig.vm.activate(op, space); });
    walk();
    EXPECT_EQ(taken.frames.size(), 1U);
}

TEST_F(YoungWalk, PassesOverWhatCannotBeReclaimed) {
    walk(false); // no room in swap
    EXPECT_TRUE(taken.frames.empty());
    rig.at_once([&](Operation& op) { rig.vm.activate(op, space); });
    taken.wanted = false;
    walk();
    EXPECT_TRUE(taken.frames.empty());
    EXPECT_EQ(taken.tables, 0U);
    taken.wanted = true;
    rig.at_once([&](Operation& op) {
        rig.vm.activate(op, space);
        rig.vm.advise(op, space, page(0), page(100), vm::random, 0);
    });
    walk();
    EXPECT_EQ(taken.frames.size(), 28U);
}

TEST_F(YoungWalk, LooksAroundAPageThatReclaimFindsAccessed) {
    const auto around = [&](std::uint64_t number) {
        taken = {};
        rig.at_once([&](Operation& op) {
            (void)rig.vm.take_references(op, rig.entry(space, page(number)).frame(), &taken);
        });
    };
    around(70);
    EXPECT_EQ(taken.pages, 64U); // from 32 before it on
    EXPECT_TRUE(taken.frames.contains(rig.entry(space, page(38)).frame()));
    EXPECT_FALSE(taken.frames.contains(rig.entry(space, page(37)).frame()));
    EXPECT_TRUE(taken.frames.contains(rig.entry(space, page(101)).frame()));
    EXPECT_EQ(taken.accessed, 64U);
    around(70); // no more accessed
    EXPECT_EQ(taken.pages, 0U);
    around(3); // the area begins here
    EXPECT_EQ(taken.accessed, 38U);
}

} // namespace
} // namespace pagewalk::os
