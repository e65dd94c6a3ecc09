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

TEST(ProcessAccount, AddsUpAndKeepsTheLargerPeak) {
    ProcessAccount a{.threads = 1, .work = {.user_instructions = 10}, .system_calls = 2, .peak_rss = 4096};
    ProcessAccount b{.threads = 3, .work = {.user_instructions = 5}, .system_calls = 1, .peak_rss = 8192};
    a.count_fault(FaultKind::CopyOnWrite);
    b.count_fault(FaultKind::CopyOnWrite);
    b.count_fault(FaultKind::FileMajor);
    a += b;
    EXPECT_EQ(a.threads, 4U);
    EXPECT_EQ(a.work.user_instructions, 15U);
    EXPECT_EQ(a.system_calls, 3U);
    EXPECT_EQ(a.minor_faults, 2U);
    EXPECT_EQ(a.major_faults, 1U);
    EXPECT_EQ(a.faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)], 2U);
    EXPECT_EQ(a.peak_rss, 8192U);
}

} // namespace
} // namespace pagewalk::os
