#include "os/reclaim/lru_batch.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::VmRig;

struct Batches : testing::Test {
    VmRig rig;
    LruBatches& lru = rig.lru;

    Pfn add(CpuId cpu = cpu0) {
        return rig.at_once([&](Operation& op) {
            op.cpu = cpu;
            const Pfn frame = *rig.frames.allocate(op, {.mask = gfp::highuser_movable});
            rig.frames.pages().at(frame).owner_flags = frame_flags::anonymous | frame_flags::swapbacked;
            lru.add(op, frame);
            return frame;
        });
    }
    void drain(CpuId cpu) {
        rig.at_once([&](Operation& op) { lru.drain(op, cpu); });
    }
};

TEST_F(Batches, HoldFourteenPagesAndPutFifteenOnTheLists) {
    Pfn frame{};
    for (int i = 0; i < 14; ++i) frame = add();
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
    EXPECT_EQ(rig.frames.pages().peek(frame).refcount, 2U);
    EXPECT_FALSE(rig.frames.pages().peek(frame).is(PageState::Lru));
    add();
    EXPECT_EQ(rig.counters.nr_lru_anon, 15U);
    EXPECT_EQ(rig.frames.pages().peek(frame).refcount, 1U);
    EXPECT_TRUE(rig.frames.pages().peek(frame).is(PageState::Lru));
}

TEST_F(Batches, MovePagesBetweenTheLists) {
    const Pfn given_up = add(), active = add();
    drain(cpu0);
    rig.at_once([&](Operation& op) {
        lru.give_up(op, given_up);
        lru.activate(op, active);
    });
    EXPECT_EQ(rig.counters.pglazyfree, 0U); // the 15th moves them, or a drain
    drain(cpu0);
    EXPECT_EQ(rig.counters.pglazyfree, 1U);
    EXPECT_EQ(rig.counters.nr_lru_file, 1U);
    EXPECT_EQ(rig.counters.pgactivate, 1U);
    EXPECT_EQ(rig.counters.nr_active_anon, 1U);
    EXPECT_EQ(rig.frames.pages().peek(given_up).refcount, 1U);
    EXPECT_EQ(rig.frames.pages().peek(given_up).owner_flags & frame_flags::swapbacked, 0);
    rig.at_once([&](Operation& op) { rig.frames.free(op, active, 0); });
    EXPECT_EQ(rig.counters.nr_active_anon, 0U);
}

TEST_F(Batches, DeactivatePagesOfTheActiveListAlone) {
    const Pfn active = add(), inactive = add();
    drain(cpu0);
    rig.at_once([&](Operation& op) {
        lru.activate(op, active);
        lru.drain(op);
        lru.deactivate(op, active);
        lru.deactivate(op, inactive);
        lru.drain(op);
    });
    EXPECT_EQ(rig.counters.pgdeactivate, 1U);
    EXPECT_EQ(rig.counters.nr_active_anon, 0U);
    EXPECT_EQ(rig.frames.lru().pages(NodeId{}, LruList::InactiveAnon), (std::vector{active, inactive}));
}

TEST_F(Batches, PutTheLastThatCameFirst) {
    std::vector<Pfn> frames;
    for (int i = 0; i < 15; ++i) frames.insert(frames.begin(), add());
    EXPECT_EQ(rig.frames.lru().pages(NodeId{}, LruList::InactiveAnon), frames);
}

TEST_F(Batches, PutPagesOfLockedAreasOutOfReclaimsReach) {
    const Pfn frame = rig.at_once([&](Operation& op) {
        const Pfn page = *rig.frames.allocate(op, {.mask = gfp::highuser_movable});
        rig.frames.pages().at(page).owner_flags = frame_flags::anonymous | frame_flags::swapbacked;
        lru.add_locked(op, page);
        return page;
    });
    EXPECT_EQ(rig.counters.nr_mlock, 1U);
    EXPECT_EQ(rig.counters.nr_unevictable, 0U);
    drain(cpu0);
    EXPECT_EQ(rig.counters.nr_unevictable, 1U);
    EXPECT_EQ(rig.counters.unevictable_pgs_culled, 1U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
    EXPECT_TRUE(rig.frames.pages().peek(frame).is(PageState::Lru));
}

TEST_F(Batches, AreOnesOfEachCpu) {
    add(cpu0);
    add(cpu1);
    drain(cpu1);
    EXPECT_EQ(rig.counters.nr_lru_anon, 1U);
    drain(cpu0);
    EXPECT_EQ(rig.counters.nr_lru_anon, 2U);
}

TEST_F(Batches, FreeAPageThatLostItsUserMeanwhile) {
    const Pfn frame = add();
    --rig.frames.pages().at(frame).refcount;
    drain(cpu0);
    EXPECT_FALSE(rig.frames.pages().peek(frame).is(PageState::Allocated));
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
}

} // namespace
} // namespace pagewalk::os
