#include "os/reclaim/reclaim_throttle.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

constexpr NodeId node{0};

struct Throttling : testing::Test {
    test::TaskRig rig;
    ReclaimThrottle throttle{rig.frames, rig.counters, rig.runner};
    bool went_on = false;

    ~Throttling() override { rig.unwind(); }
    Task& wait(ReclaimThrottle::Reason reason) {
        return rig.run(cpu0, [this, reason](Operation& op) {
            throttle.wait(op, node, reason);
            went_on = true;
        });
    }
};

TEST_F(Throttling, EndsWhenMoreThan32PagesHaveBeenWritten) {
    wait(ReclaimThrottle::Reason::Writeback);
    for (int i = 0; i < 32; ++i) throttle.page_written(node, {cpu1, rig.now});
    EXPECT_EQ(rig.pick(cpu0), nullptr);
    throttle.page_written(node, {cpu1, rig.now});
    EXPECT_NE(rig.pick(cpu0), nullptr);
    EXPECT_TRUE(went_on);
    EXPECT_EQ(rig.counters.reclaim.throttled, 1U);
}

TEST_F(Throttling, EndsAfterATenthOfASecondOrWithHalfOfOneWithoutProgress) {
    const Task& writes = wait(ReclaimThrottle::Reason::Writeback);
    EXPECT_EQ(writes.wake_time, writes.operation->now + Tick(100'000'000 * ticks_per_ns));
    const Task& in_vain = wait(ReclaimThrottle::Reason::NoProgress);
    EXPECT_EQ(in_vain.wake_time, in_vain.operation->now + Tick(500'000'000 * ticks_per_ns));
}

TEST_F(Throttling, WithoutProgressEndsWithThatOfOthers) {
    wait(ReclaimThrottle::Reason::NoProgress);
    throttle.page_written(node, {cpu1, rig.now});
    EXPECT_EQ(rig.pick(cpu0), nullptr);
    rig.run(cpu1, [this](Operation& op) { throttle.progress(op, node); });
    EXPECT_NE(rig.pick(cpu0), nullptr);
    EXPECT_TRUE(went_on);
}

TEST_F(Throttling, ForReservesEndsWhenTheyAreFilled) {
    const Task& waiter = rig.run(cpu0, [this](Operation& op) {
        throttle.wait_for_reserves(op, node);
        went_on = true;
    });
    EXPECT_EQ(waiter.wake_time, waiter.operation->now + Tick(4'000'000 * ticks_per_ns));
    rig.run(cpu1, [this](Operation& op) { throttle.reserves_filled(op, node); });
    EXPECT_NE(rig.pick(cpu0), nullptr);
    EXPECT_TRUE(went_on);
}

TEST_F(Throttling, IsNothingForThoseWhoMayNotWait) {
    rig.run(cpu0, [this](Operation& op) {
        const AtomicSection atomic(op);
        throttle.wait(op, node, ReclaimThrottle::Reason::Writeback);
        went_on = true;
    });
    EXPECT_TRUE(went_on);
}

} // namespace
} // namespace pagewalk::os
