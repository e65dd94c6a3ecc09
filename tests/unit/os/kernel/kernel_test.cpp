#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <chrono>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
using test::PathTotals;

constexpr std::uint64_t base = 0x7f0000000000;

TEST(Kernel, BootsFourGigabytesWithinATenthOfASecond) {
    const auto start = std::chrono::steady_clock::now();
    Machine machine(4ULL << 30, 4);
    machine.boot();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 0.1);
    EXPECT_GT(machine.free_frames(), 900'000U);
}

TEST(Kernel, FaultsInAnAnonymousPageOnFirstWrite) {
    Machine machine;
    machine.boot();
    machine.pick();
    machine.map_anonymous(base, 16 * page_size);
    const PathTotals fault = machine.touch(base);
    EXPECT_EQ(fault.cleared, 6 * page_size); // three tables, two slabs for the anon_vma, the page
    EXPECT_EQ(fault.locks_held, 0);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U);
    EXPECT_EQ(machine.touch(base).instructions, 160U + 424 + 184 + 217); // spurious: nothing left to do
}

TEST(Kernel, KillsOnAccessOutsideEveryMapping) {
    Machine machine;
    machine.boot();
    machine.pick();
    EXPECT_EQ(machine.touch(0x1000).outcome, PathOutcome::Exit);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    EXPECT_EQ(machine.kernel->kills()[0].address, 0x1000U);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
}

TEST(Kernel, MapsOnTouchWhereTheWorkloadHasNoSystemCalls) {
    Machine machine;
    machine.workload.on_touch = true;
    machine.boot();
    machine.pick();
    EXPECT_EQ(machine.touch(0x123456789000).outcome, PathOutcome::Resume);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 1U);
}

TEST(Kernel, GivesAPageItsOwnFrameWhenATraceOnlyReadsIt) {
    Machine machine;
    machine.workload.on_touch = true;
    machine.boot();
    machine.pick();
    machine.touch(0x123456789000, FaultAccess::Read);
    machine.touch(0x12345678a000, FaultAccess::Read);
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 2U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::AnonymousRead)], 0U);
}

TEST(Kernel, GivesEveryFrameBackWhenTheLastTaskExits) {
    Machine machine;
    machine.boot();
    machine.pick();
    const std::uint64_t before = machine.free_frames();
    machine.map_anonymous(base, 64ULL << 20);
    for (std::uint64_t i = 0; i < 5000; ++i) machine.touch(base + i * page_size);
    EXPECT_LT(machine.free_frames(), before - 5000);
    EXPECT_EQ(machine.call(231, {}, 0).outcome, PathOutcome::Exit);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
    machine.pick();
    machine.kernel->drain_lru_batches();
    EXPECT_EQ(machine.kernel->counters().nr_anon_pages, 0U);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, 0U);
    EXPECT_GE(machine.free_frames(), before);
}

TEST(Kernel, CopiesOnWriteAfterForkAndReusesWhenSole) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.workload.add_child(77);
    machine.pick();
    machine.map_anonymous(base, 16 * page_size);
    machine.touch(base);
    machine.call(57, {}, 77);
    EXPECT_EQ(machine.kernel->live_tasks(), 2U);
    const PathTotals copy = machine.touch(base);
    EXPECT_EQ(copy.copied, page_size);
    EXPECT_EQ(copy.flushes, 1U);
    machine.kernel->drain_lru_batches(); // the reference of another CPU's batch would count as a user
    const ScheduledTask child = machine.pick(CpuId{1});
    EXPECT_NE(child.stream, nullptr);
    const PathTotals reuse = machine.touch(base, FaultAccess::Write, CpuId{1});
    EXPECT_EQ(reuse.copied, 0U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)], 1U);
    EXPECT_EQ(machine.kernel->counters().faults[static_cast<std::size_t>(FaultKind::Reuse)], 1U);
}

} // namespace
} // namespace pagewalk::os
