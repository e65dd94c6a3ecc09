#include "os/task/unexplained.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(UnexplainedAccesses, AreAllCountedAndTheFirstTenKept) {
    UnexplainedAccesses accesses;
    Task task;
    task.id = TaskId{2};
    for (std::uint64_t i = 0; i < 12; ++i)
        accesses.add(task, VirtAddr(i << page_shift), FaultAccess::Write, Tick(i));
    EXPECT_EQ(accesses.count(), 12U);
    ASSERT_EQ(accesses.first().size(), 10U);
    EXPECT_EQ(accesses.first()[9].address, VirtAddr(9ULL << page_shift));
}

TEST(UnexplainedAccesses, AreToldWithTheCallsThatCameBefore) {
    UnexplainedAccesses accesses;
    Task task;
    task.id = TaskId{2};
    task.last_calls = {30, 29, 9, 1};
    accesses.add(task, VirtAddr(0x7f0000001000), FaultAccess::Execute, Tick());
    EXPECT_EQ(to_string(accesses.first()[0]), "task 2 executed 0x7f0000001000, after calls 30 29 9 1");
}

} // namespace
} // namespace pagewalk::os
