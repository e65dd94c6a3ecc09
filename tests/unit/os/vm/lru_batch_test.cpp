#include "os/vm/lru_batch.h"
#include "tests/unit/os/vm/vm_rig.h"

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
            rig.frames.pages().at(frame).owner_flags = frame_flags::anonymous;
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
