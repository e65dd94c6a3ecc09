#include "os/task/process_account.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(ProcessAccount, TellsMinorAndMajorFaultsApart) {
    ProcessAccount account;
    for (const FaultKind kind : {FaultKind::AnonymousWrite, FaultKind::FileMajor, FaultKind::AnonymousWrite})
        account.count_fault(kind);
    EXPECT_EQ(account.minor_faults, 2U);
    EXPECT_EQ(account.major_faults, 1U);
    EXPECT_EQ(account.faults[static_cast<std::size_t>(FaultKind::AnonymousWrite)], 2U);
}

TEST(ProcessAccount, DeclaresACounterForEachKindOfFault) {
    ProcessAccount account;
    account.count_fault(FaultKind::CopyOnWrite);
    StatRegistry registry;
    account.declare(registry.group("process/1"));
    EXPECT_EQ(registry.sum(registry.snapshot(), "process/1/faults", "copy_on_write"), 1U);
    std::size_t kinds = 0;
    for (const Statistic& counter : registry.counters()) kinds += counter.path == "process/1/faults" ? 1 : 0;
    EXPECT_EQ(kinds, fault_kind_count);
}

} // namespace
} // namespace pagewalk::os
