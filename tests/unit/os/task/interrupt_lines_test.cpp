#include "base/error.h"
#include "os/task/interrupt_lines.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct CountingDriver final : InterruptHandler {
    int interrupts = 0;
    void interrupted(Operation&) override { ++interrupts; }
};

struct Lines : testing::Test {
    test::TaskRig rig;
    InterruptLines lines;
    CountingDriver disk, card;

    bool deliver(std::uint32_t source) {
        KernelPath path;
        PathLog log;
        Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .cpu = test::cpu0};
        return lines.deliver(op, source);
    }
};

TEST_F(Lines, BringEachDevicesInterruptToItsOwnDriver) {
    lines.request(0, disk);
    lines.request(3, card);
    EXPECT_TRUE(deliver(3));
    EXPECT_TRUE(deliver(0));
    EXPECT_TRUE(deliver(3));
    EXPECT_EQ(disk.interrupts, 1);
    EXPECT_EQ(card.interrupts, 2);
}

TEST_F(Lines, SayWhenNobodyAskedForAnInterrupt) {
    EXPECT_FALSE(deliver(0));
    lines.request(3, card);
    EXPECT_FALSE(deliver(2));
    EXPECT_FALSE(deliver(4));
    EXPECT_EQ(card.interrupts, 0);
}

TEST_F(Lines, HaveOneDriverEach) {
    lines.request(1, disk);
    EXPECT_THROW(lines.request(1, card), ConfigError);
    EXPECT_TRUE(deliver(1));
    EXPECT_EQ(disk.interrupts, 1);
}

} // namespace
} // namespace pagewalk::os
