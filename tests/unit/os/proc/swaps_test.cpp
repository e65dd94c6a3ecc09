#include "os/proc/swaps.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

const std::string head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

TEST(Swaps, AreAHeadAloneWithoutSwap) {
    test::Machine machine;
    machine.boot();
    EXPECT_EQ(swaps_text(*machine.kernel), head);
}

TEST(Swaps, ShowTheAreaWithoutItsHeader) {
    test::Machine machine;
    machine.config.swap_bytes = 1ULL << 30;
    machine.boot();
    EXPECT_EQ(swaps_text(*machine.kernel),
              head + "/dev/vda2                               partition\t1048572\t\t0\t\t-2\n");
}

} // namespace
} // namespace pagewalk::os
