#include "os/task/stream_waits.h"
#include "tests/unit/os/task/process_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;

struct StreamsWithoutNews : testing::Test {
    test::ProcessRig rig;
    StreamWaits waits{rig.runner};
    Task& task = *rig.first;

    void SetUp() override {
        rig.workload.first.is_ready = false;
        Operation& op = rig.runner.begin(task, cpu0, rig.now);
        waits.park(op);
        rig.run_path(task);
    }
    void poll() { waits.poll({cpu0, rig.now}); }
};

TEST_F(StreamsWithoutNews, TakeTheirTasksOffTheCpu) {
    EXPECT_EQ(task.state, TaskState::Sleeping);
    EXPECT_EQ(task.reason, SleepReason::Stream);
    EXPECT_EQ(rig.scheduler.running(cpu0), nullptr);
    EXPECT_EQ(rig.scheduler.next_wakeup(), no_time);
}

TEST_F(StreamsWithoutNews, LetThemSleepUntilSomethingMayHappen) {
    poll();
    EXPECT_EQ(task.state, TaskState::Sleeping);
    rig.workload.first.is_ready = true;
    poll();
    EXPECT_EQ(task.state, TaskState::Runnable);
    EXPECT_TRUE(waits.empty());
}

TEST_F(StreamsWithoutNews, LetAKilledTaskGo) {
    task.killed = true;
    poll();
    EXPECT_EQ(task.state, TaskState::Runnable);
}

TEST_F(StreamsWithoutNews, TellWhereTheirTasksRanAndWhetherACallHoldsThem) {
    EXPECT_TRUE(waits.any_on(cpu0));
    EXPECT_FALSE(waits.any_on(CpuId{1}));
    EXPECT_TRUE(waits.any_at_work());
    task.in_call = true;
    EXPECT_FALSE(waits.any_at_work());
}

// Time must pass for those others, who may sleep.
TEST_F(StreamsWithoutNews, AreNotAtWorkWhileTheyWaitForOtherThreads) {
    rig.workload.first.held_by_others = true;
    EXPECT_FALSE(waits.any_at_work());
}

} // namespace
} // namespace pagewalk::os
