#include "os/kernel/kernel.h"
#include "os/task/oom_killer.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};

/// Touches memory from `from` on until the program is gone. Returns how many pages it got.
std::uint64_t use_up(Machine& machine, TaskId task, std::uint64_t from, std::uint64_t limit,
                     CpuId cpu = cpu0) {
    std::uint64_t touched = 0;
    while (touched < limit &&
           machine.touch_and_wait(task, from + touched * page_size, cpu) == PathOutcome::Resume)
        ++touched;
    return touched;
}

TEST(OutOfMemory, KillsTheProgramAndGivesItsMemoryBack) {
    Machine machine(128ULL << 20);
    machine.boot();
    const std::uint64_t before = machine.free_frames();
    const TaskId task = machine.pick().task;
    machine.map_anonymous(base, 256ULL << 20);
    const std::uint64_t touched = use_up(machine, task, base, 65'536);
    EXPECT_GT(touched, 2000U);
    EXPECT_EQ(machine.kernel->counters().tasks_killed, 1U);
    EXPECT_EQ(machine.kernel->counters().oom_kill, 1U);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    const KillRecord& kill = machine.kernel->kills()[0];
    EXPECT_EQ(kill.reason, KillReason::OutOfMemory);
    EXPECT_EQ(kill.task, static_cast<std::uint32_t>(task));
    EXPECT_EQ(kill.anon_rss, touched * 4);
    EXPECT_EQ(to_string(kill), "Out of memory: Killed process " + std::to_string(kill.task) +
                                   " (scripted) total-vm:262144kB, anon-rss:" + std::to_string(touched * 4) +
                                   "kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:" +
                                   std::to_string(kill.page_tables) + "kB oom_score_adj:0");
    machine.pick();
    machine.kernel->drain_lru_batches();
    EXPECT_GT(machine.free_frames() + 64, before);
}

TEST(OutOfMemory, AProgramBeyondItsMemoryLimitIsKilledThoughTheMachineHasMore) {
    Machine machine(256ULL << 20);
    machine.placement.limits.max = (8ULL << 20) >> page_shift;
    machine.boot();
    const std::uint64_t before = machine.free_frames();
    const TaskId task = machine.pick().task;
    machine.map_anonymous(base, 64ULL << 20);
    const std::uint64_t touched = use_up(machine, task, base, 65'536);
    // 2048 pages may be charged: page tables and what the program has from its start too.
    EXPECT_LT(touched, 2048U);
    EXPECT_GT(touched, 1990U);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
    EXPECT_EQ(machine.kernel->counters().oom_kill, 1U);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    const KillRecord& kill = machine.kernel->kills()[0];
    EXPECT_EQ(kill.reason, KillReason::CgroupOutOfMemory);
    EXPECT_TRUE(to_string(kill).starts_with("Memory cgroup out of memory: Killed process "))
        << to_string(kill);
    machine.pick();
    machine.kernel->drain_lru_batches();
    EXPECT_GT(machine.free_frames() + 64, before);
}

TEST(OutOfMemory, OnlyProcessesOfTheLimitedProgramAreKilled) {
    Machine machine(256ULL << 20, 2);
    test::ScriptedWorkload unlimited;
    machine.placement.limits.max = (8ULL << 20) >> page_shift;
    machine.placement.number = ProgramNumber{1};
    machine.boot();
    machine.kernel->start(unlimited, {.number = ProgramNumber{2}});
    const TaskId limited = machine.pick(cpu0).task;
    const TaskId large = machine.pick(cpu1).task;
    ASSERT_NE(limited, large);
    machine.map_anonymous(base, 64ULL << 20);
    machine.call(9, {0, 64ULL << 20, 3, 0x22, ~0ULL, 0}, static_cast<std::int64_t>(base), cpu1);
    EXPECT_EQ(use_up(machine, large, base, 4000, cpu1), 4000U);
    EXPECT_LT(use_up(machine, limited, base, 4000), 2048U);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    EXPECT_EQ(machine.kernel->kills()[0].task, static_cast<std::uint32_t>(limited));
    EXPECT_EQ(machine.kernel->live_tasks(), 1U);
}

TEST(OutOfMemory, TheVictimsLastAllocationComesFromItsReserve) {
    Machine machine(128ULL << 20);
    machine.boot();
    const TaskId task = machine.pick().task;
    machine.map_anonymous(base, 256ULL << 20);
    use_up(machine, task, base, 65'536);
    const auto& counters = machine.kernel->counters();
    EXPECT_EQ(counters.allocations[static_cast<std::size_t>(AllocationSource::Reserve)], 1U);
    // 57 pages lie between the watermarks; a block taken from another type on the way raises both.
    EXPECT_GT(counters.allocations[static_cast<std::size_t>(AllocationSource::MinWatermark)], 5U);
    EXPECT_EQ(counters.pageoutrun, 16U); // kswapd has given up before
}

TEST(OutOfMemory, TheLargestProcessIsChosenAndReapedForTheSakeOfAnother) {
    Machine machine(128ULL << 20, 2);
    machine.workload.add_child(77);
    machine.boot();
    const TaskId large = machine.pick(cpu0).task;
    machine.call(57, {}, 77, cpu0);
    const TaskId small = machine.pick(cpu1).task;
    ASSERT_NE(small, large);
    machine.map_anonymous(base, 256ULL << 20);
    machine.call(9, {0, 256ULL << 20, 3, 0x22, ~0ULL, 0}, static_cast<std::int64_t>(base), cpu1);
    std::uint64_t held = 0;
    const Zone& zone = *machine.kernel->allocator().find_zone(NodeId{0}, ZoneType::Dma32);
    while (zone.free_pages > static_cast<std::int64_t>(zone.watermark(Watermark::High)) + 500)
        machine.touch(base + held++ * page_size, FaultAccess::Write, cpu0);
    // The small one asks for a page too many.
    const std::uint64_t got = use_up(machine, small, base, held / 2, cpu1);
    EXPECT_EQ(got, held / 2);
    ASSERT_EQ(machine.kernel->kills().size(), 1U);
    EXPECT_EQ(machine.kernel->kills()[0].task, static_cast<std::uint32_t>(large));
    EXPECT_EQ(machine.kernel->address_space(large)->anon_pages, 0U); // reaped before it has run again
    EXPECT_EQ(machine.touch(base, FaultAccess::Write, cpu0).outcome, PathOutcome::Exit);
    EXPECT_EQ(machine.kernel->live_tasks(), 1U);
}

} // namespace
} // namespace pagewalk::os
