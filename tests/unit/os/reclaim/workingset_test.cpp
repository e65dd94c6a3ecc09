#include "os/reclaim/workingset.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::VmRig;

struct Refaults : testing::Test {
    VmRig rig;
    Workingset& workingset = rig.workingset;
    ReclaimCounters& counters = rig.counters.reclaim;

    Pfn page(std::uint16_t flags) {
        return rig.at_once([&](Operation& op) {
            const Pfn frame = *rig.frames.allocate(op, {.mask = gfp::highuser_movable});
            rig.frames.pages().at(frame).owner_flags = flags;
            return frame;
        });
    }
    [[nodiscard]] bool refault(Pfn frame, Shadow shadow) {
        rig.at_once([&](Operation& op) { workingset.refault(op, frame, shadow); });
        return (rig.frames.pages().peek(frame).owner_flags & frame_flags::active) != 0;
    }
    void list(std::uint16_t flags, int pages) {
        for (int i = 0; i < pages; ++i) rig.frames.lru().add(page(flags));
    }
};

TEST_F(Refaults, ActivateAPageThatLongerListsWouldHaveKept) {
    list(frame_flags::file | frame_flags::active, 3);
    const Pfn victim = page(frame_flags::file);
    const Shadow shadow = workingset.evict(victim);
    for (int i = 0; i < 2; ++i) (void)workingset.evict(page(frame_flags::file));
    EXPECT_TRUE(refault(page(frame_flags::file), shadow)); // 3 evictions, 3 active pages
    EXPECT_EQ(counters.workingset_refault[1], 1U);
    EXPECT_EQ(counters.workingset_activate[1], 1U);
    EXPECT_EQ(counters.workingset_restore[1], 0U);
}

TEST_F(Refaults, LeaveAPageInactiveThatWasGoneForTooLong) {
    list(frame_flags::file | frame_flags::active, 3);
    const Shadow shadow = workingset.evict(page(frame_flags::file));
    for (int i = 0; i < 3; ++i) (void)workingset.evict(page(frame_flags::file));
    EXPECT_FALSE(refault(page(frame_flags::file), shadow));
    EXPECT_EQ(counters.workingset_refault[1], 1U);
    EXPECT_EQ(counters.workingset_activate[1], 0U);
}

TEST_F(Refaults, CountInactiveFilePagesForAnonymousOnes) {
    list(frame_flags::file, 1);
    const Shadow anon = workingset.evict(page(frame_flags::swapbacked));
    EXPECT_TRUE(refault(page(frame_flags::swapbacked), anon));
    EXPECT_EQ(counters.workingset_refault[0], 1U);
    const Shadow file = workingset.evict(page(frame_flags::file));
    EXPECT_FALSE(refault(page(frame_flags::file), file));
}

TEST_F(Refaults, OfPagesThatWereInUseAreRestoredAndCost) {
    list(frame_flags::file | frame_flags::active, 40);
    const Shadow shadow = workingset.evict(page(frame_flags::file | frame_flags::workingset));
    const Pfn back = page(frame_flags::file);
    EXPECT_TRUE(refault(back, shadow));
    EXPECT_NE(rig.frames.pages().peek(back).owner_flags & frame_flags::workingset, 0);
    EXPECT_EQ(counters.workingset_restore[1], 1U);
    EXPECT_EQ(workingset.node(NodeId{}).cost[1], 1U);
}

TEST_F(Refaults, OfFilesAreFoundByFileAndPlace) {
    list(frame_flags::file | frame_flags::active, 3);
    const FrameMapping place{FrameMapping::Kind::File, 7, 5}, other{FrameMapping::Kind::File, 7, 6};
    const Pfn victim = page(frame_flags::file);
    rig.frames.set_mapping(victim, place);
    workingset.evict_file_page(victim, nullptr);
    const Pfn back = page(frame_flags::file);
    rig.frames.set_mapping(back, other);
    rig.at_once([&](Operation& op) { workingset.file_page_added(op, back); });
    EXPECT_EQ(counters.workingset_refault[1], 0U);
    rig.frames.set_mapping(back, place);
    rig.at_once([&](Operation& op) { workingset.file_page_added(op, back); });
    EXPECT_EQ(counters.workingset_refault[1], 1U);
    rig.at_once([&](Operation& op) { workingset.file_page_added(op, back); });
    EXPECT_EQ(counters.workingset_refault[1], 1U); // once
}

TEST_F(Refaults, CostsOfLongAgoCountLess) {
    list(frame_flags::file, 40);
    workingset.note_cost({NodeId{}}, LruKind::Anon, 8);
    EXPECT_EQ(workingset.node(NodeId{}).cost[0], 8U);
    workingset.note_cost({NodeId{}}, LruKind::File, 4); // 12 are more than a quarter of 40
    EXPECT_EQ(workingset.node(NodeId{}).cost[0], 4U);
    EXPECT_EQ(workingset.node(NodeId{}).cost[1], 2U);
}

TEST_F(Refaults, AreMeasuredAgainstTheGroupThatHadToShrink) {
    MemoryCgroup& group = rig.frames.cgroups().add({});
    list(frame_flags::file | frame_flags::active, 3); // of no group
    const Shadow shadow = workingset.evict(page(frame_flags::file), &group);
    const Shadow other = workingset.evict(page(frame_flags::file));
    EXPECT_EQ(workingset.of({NodeId{}, group.number}).nonresident_age, 1U);
    EXPECT_EQ(workingset.node(NodeId{}).nonresident_age, 2U); // the node's includes the group's
    EXPECT_FALSE(refault(page(frame_flags::file), shadow));   // the group has no active pages
    EXPECT_TRUE(refault(page(frame_flags::file), other));
}

} // namespace
} // namespace pagewalk::os
