#include "os/task/futexes.h"
#include "tests/unit/os/task/task_rig.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

constexpr VirtAddr word{0x1000};

struct FutexWords : testing::Test {
    test::TaskRig rig;
    Futexes futexes{rig.runner};
    std::string woken;

    auto waits(char name, VirtAddr on) {
        return [this, name, on](Operation& op) {
            futexes.wait(op, on);
            woken += name;
        };
    }
    void wake(VirtAddr at, std::uint64_t count) {
        rig.run(cpu1, [&](Operation& op) { futexes.wake(op, at, count); });
        while (rig.pick(cpu0) != nullptr) {
        }
    }
};

TEST_F(FutexWords, WakeTheirOwnWaitersOnly) {
    rig.run(cpu0, waits('a', word));
    wake(word + 4, 1);
    EXPECT_EQ(woken, "");
    wake(word, 1);
    EXPECT_EQ(woken, "a");
}

TEST_F(FutexWords, WakeAsManyAsAskedFor) {
    for (const char name : {'a', 'b', 'c'}) rig.run(cpu0, waits(name, word));
    wake(word, 2);
    EXPECT_EQ(woken, "ab");
    wake(word, 2);
    EXPECT_EQ(woken, "abc");
}

TEST_F(FutexWords, ChooseAWaiterOnce) {
    for (const char name : {'a', 'b'}) rig.run(cpu0, waits(name, word));
    Task& first = rig.begin(cpu1, [&](Operation& op) { futexes.wake(op, word, 1); });
    rig.scheduler.set_running(cpu1, nullptr);
    Task& second = rig.begin(cpu1, [&](Operation& op) { futexes.wake(op, word, 1); });
    rig.run_path(second);
    rig.run_path(first);
    while (rig.pick(cpu0) != nullptr) {
    }
    EXPECT_EQ(woken, "ba"); // each waker's choice runs when that waker gets there
}

TEST_F(FutexWords, GiveUpTheFirstWait) {
    EXPECT_FALSE(futexes.give_up_a_wait({}));
    for (const char name : {'a', 'b'}) rig.run(cpu0, waits(name, word));
    EXPECT_TRUE(futexes.give_up_a_wait({cpu1, rig.now}));
    while (rig.pick(cpu0) != nullptr) {
    }
    EXPECT_EQ(woken, "a");
}

} // namespace
} // namespace pagewalk::os
