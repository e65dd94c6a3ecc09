#include "os/task/wait_queue.h"
#include "tests/unit/os/task/task_rig.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

struct Waits : testing::Test {
    test::TaskRig rig;
    WaitQueue queue{rig.runner};
    std::string order;

    auto waits(char name, Waiting how = Waiting::Uninterruptible, Tick until = no_time) {
        return [this, name, how, until](Operation& op) {
            order += name;
            const WaitEnd end = queue.wait(op, how, until);
            order += end == WaitEnd::Woken ? 'w' : end == WaitEnd::TimedOut ? 't' : 'k';
            order += name;
        };
    }
};

TEST_F(Waits, StopAnOperationUntilItIsWoken) {
    Task& task = rig.run(cpu0, waits('a'));
    EXPECT_EQ(order, "a");
    EXPECT_EQ(task.state, TaskState::Sleeping);
    EXPECT_EQ(task.reason, SleepReason::Queue);
    EXPECT_EQ(rig.pick(cpu0), nullptr);
    EXPECT_EQ(queue.wake(1, {cpu1, rig.now}), 1U);
    EXPECT_EQ(rig.pick(cpu0), &task);
    EXPECT_EQ(order, "awa");
    EXPECT_FALSE(TaskRunner::in_operation(task));
}

TEST_F(Waits, EndFirstComeFirstWoken) {
    rig.run(cpu0, waits('a'));
    rig.run(cpu1, waits('b'));
    queue.wake(1, {cpu0, rig.now});
    while (rig.pick(cpu0) != nullptr) {
    }
    EXPECT_EQ(order, "abwa");
    EXPECT_EQ(queue.size(), 1U);
    queue.wake_all({cpu0, rig.now});
    while (rig.pick(cpu0) != nullptr) {
    }
    EXPECT_EQ(order, "abwawb");
}

TEST_F(Waits, EndAtTheirTime) {
    rig.run(cpu0, waits('a', Waiting::Uninterruptible, rig.now + Tick(1'000'000'000)));
    const Tick until = rig.scheduler.next_wakeup();
    rig.now = until - Tick(1);
    EXPECT_EQ(rig.pick(cpu0), nullptr);
    rig.now = until;
    EXPECT_NE(rig.pick(cpu0), nullptr);
    EXPECT_EQ(order, "ata");
    EXPECT_TRUE(queue.empty());
}

TEST_F(Waits, WokenBeforeTheirTimeHaveNoTimerLeft) {
    rig.run(cpu0, waits('a', Waiting::Uninterruptible, rig.now + Tick(1'000'000'000)));
    queue.wake(1, {cpu0, rig.now});
    rig.pick(cpu0);
    EXPECT_EQ(order, "awa");
    EXPECT_EQ(rig.scheduler.next_wakeup(), no_time);
}

TEST_F(Waits, OfAKillableTaskEndWithItsKill) {
    Task& task = rig.run(cpu0, waits('a', Waiting::Killable));
    task.killed = true;
    rig.runner.wake_for_kill(task, {cpu1, rig.now});
    rig.pick(cpu0);
    EXPECT_EQ(order, "aka");
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(rig.begin(cpu0,
                        [&](Operation& op) {
                            op.self->killed = true;
                            EXPECT_EQ(queue.wait(op, Waiting::Killable), WaitEnd::Killed); // at once
                        })
                  .path.steps()
                  .size(),
              0U);
}

TEST_F(Waits, ThatNothingMayInterruptOutlastAKill) {
    Task& task = rig.run(cpu0, waits('a'));
    task.killed = true;
    rig.runner.wake_for_kill(task, {cpu1, rig.now});
    EXPECT_EQ(rig.pick(cpu0), nullptr);
    queue.wake(1, {cpu1, rig.now});
    rig.pick(cpu0);
    EXPECT_EQ(order, "awa");
}

TEST_F(Waits, AreWokenOnTheirWayToTheSleep) {
    Task& task = rig.begin(cpu0, waits('a')); // the path has not run
    queue.wake(1, {cpu1, rig.now});
    rig.run_path(task);
    EXPECT_EQ(task.state, TaskState::Runnable);
    rig.pick(cpu0);
    EXPECT_EQ(order, "awa");
}

TEST_F(Waits, AreEndedByAnEffectOnlyWhenThePathGetsThere) {
    Task& sleeper = rig.run(cpu0, waits('a'));
    Task& waker = rig.begin(cpu1, [&](Operation& op) { op.effect<&WaitQueue::wake_effect>(queue, 1); });
    EXPECT_EQ(sleeper.state, TaskState::Sleeping);
    rig.run_path(waker);
    EXPECT_EQ(sleeper.state, TaskState::Runnable);
}

TEST_F(Waits, GoOnAtAnyDepth) {
    const auto deep = [&](const auto& self, Operation& op, int depth) -> int {
        if (depth == 0) {
            queue.wait(op);
            return 1;
        }
        return self(self, op, depth - 1) + 1;
    };
    int depth = 0;
    rig.run(cpu0, [&](Operation& op) { depth = deep(deep, op, 100); });
    EXPECT_EQ(depth, 0);
    queue.wake(1, {cpu0, rig.now});
    rig.pick(cpu0);
    EXPECT_EQ(depth, 101);
}

TEST_F(Waits, ThrowInWhoeverGoesOnWithThem) {
    rig.run(cpu0, [&](Operation& op) {
        queue.wait(op);
        throw std::runtime_error("after the wait");
    });
    queue.wake(1, {cpu0, rig.now});
    EXPECT_THROW(rig.pick(cpu0), std::runtime_error);
}

} // namespace
} // namespace pagewalk::os
