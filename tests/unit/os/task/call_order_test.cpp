#include "os/task/call_order.h"
#include "tests/unit/os/task/task_rig.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

struct Order : testing::Test {
    test::TaskRig rig;
    CallOrder order{rig.runner, rig.counters};
    std::string events;

    auto reaches(char name, std::uint64_t place) {
        return [this, name, place](Operation& op) {
            if (order.reach(op, place) == WaitEnd::Woken) events += name;
        };
    }
};

TEST_F(Order, LetsEventsTakePlaceInTheirOrder) {
    rig.run(cpu0, reaches('c', 3));
    rig.run(cpu1, reaches('b', 2));
    EXPECT_EQ(events, "");
    rig.run(cpu1, reaches('a', 1));
    while (rig.pick(cpu0) != nullptr || rig.pick(cpu1) != nullptr) {
    }
    EXPECT_EQ(events, "abc");
    EXPECT_EQ(rig.counters.order_waits, 2U);
}

TEST_F(Order, IsLeftToWhoAwaitsAPlaceUntilHeReachesIt) {
    rig.run(cpu0, [this](Operation& op) {
        EXPECT_EQ(order.await(op, 1), WaitEnd::Woken);
        events += 'a';
    });
    rig.run(cpu1, reaches('b', 2));
    EXPECT_EQ(events, "a");
    rig.run(cpu0, reaches('c', 1));
    while (rig.pick(cpu0) != nullptr || rig.pick(cpu1) != nullptr) {
    }
    EXPECT_EQ(events, "acb");
}

TEST_F(Order, DoesNotHoldWhatHasNoPlace) {
    rig.run(cpu0, reaches('x', 0));
    EXPECT_EQ(events, "x");
}

TEST_F(Order, SkipsAHoleWhenNobodyElseCanFillIt) {
    EXPECT_FALSE(order.skip_ahead({}));
    rig.run(cpu0, reaches('b', 20));
    rig.run(cpu1, reaches('a', 10));
    EXPECT_TRUE(order.skip_ahead({cpu0, rig.now}));
    while (rig.pick(cpu0) != nullptr || rig.pick(cpu1) != nullptr) {
    }
    EXPECT_EQ(events, "a");
    EXPECT_TRUE(order.skip_ahead({cpu0, rig.now}));
    rig.pick(cpu0);
    EXPECT_EQ(events, "ab");
}

TEST_F(Order, LetsAKilledTaskGo) {
    Task& task = rig.run(cpu0, reaches('a', 5));
    task.killed = true;
    rig.runner.wake_for_kill(task, {cpu1, rig.now});
    EXPECT_EQ(rig.pick(cpu0), &task);
    EXPECT_EQ(events, "");
    EXPECT_FALSE(TaskRunner::in_operation(task));
}

} // namespace
} // namespace pagewalk::os
