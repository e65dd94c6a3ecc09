#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
using test::PathTotals;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr std::uint32_t sys_futex = 202;
constexpr std::uint32_t sys_clone = 56;
constexpr std::uint64_t thread_flags = 0x10000 | 0x400 | 0x100;
constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};

SyscallRecord ordered(std::uint64_t enter, std::uint64_t exit) {
    return {.number = 39, .result = 1, .enter_order = enter, .exit_order = exit};
}

/// Two threads of one process, each running on its own CPU.
struct TwoThreads : testing::Test {
    Machine machine{512ULL << 20, 2};
    TaskId first{}, second{};
    void SetUp() override {
        machine.boot();
        machine.workload.add_child(50);
        first = machine.pick(cpu0).task;
        machine.call(sys_clone, {thread_flags}, 50, cpu0);
        second = machine.pick(cpu1).task;
    }
};

TEST(Scheduling, SharesACpuBySlices) {
    Machine machine;
    machine.boot();
    machine.workload.add_child(50);
    const TaskId first = machine.pick().task;
    EXPECT_EQ(machine.pick().task, first); // alone
    machine.call(sys_clone, {thread_flags}, 50);
    const ScheduledTask second = machine.pick();
    EXPECT_NE(second.task, first);
    EXPECT_EQ(second.time_slice, Tick(4'000'000 * ticks_per_ns));
    EXPECT_EQ(machine.pick().task, first);
}

TEST(Scheduling, ChargesASwitchOnlyToAnotherTask) {
    Machine machine;
    machine.boot();
    ScheduledTask next;
    ASSERT_EQ(machine.kernel->pick(cpu0, machine.now, next), KernelInterface::Pick::Switched);
    ASSERT_NE(next.path, nullptr);
    test::run_path(*machine.kernel, cpu0, *next.path, machine.now);
    EXPECT_EQ(machine.kernel->pick(cpu0, machine.now, next), KernelInterface::Pick::Same);
    EXPECT_EQ(next.path, nullptr);
    EXPECT_EQ(machine.kernel->counters().context_switches, 1U);
}

TEST(Scheduling, PutsANewThreadOnTheIdleCpu) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.workload.add_child(50);
    const TaskId first = machine.pick(cpu0).task;
    machine.call(sys_clone, {thread_flags}, 50);
    EXPECT_EQ(machine.pick(cpu0).task, first);
    EXPECT_NE(machine.pick(cpu1).task, first);
}

TEST(Scheduling, WaitsForAThreadWhoseStreamIsNotThereYet) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.pick(cpu0);
    machine.call(sys_clone, {thread_flags}, 50);
    EXPECT_EQ(machine.kernel->live_tasks(), 2U); // the run is not over before it has shown up
    EXPECT_EQ(machine.pick(cpu1).stream, nullptr);
    test::ScriptedStream& stream = machine.workload.add_child(50);
    EXPECT_EQ(machine.pick(cpu1).stream, &stream);
    EXPECT_EQ(machine.kernel->live_tasks(), 2U);
}

TEST_F(TwoThreads, HoldASystemCallUntilItsTurn) {
    const PathTotals early = machine.call(ordered(3, 4), cpu1);
    EXPECT_TRUE(early.slept);
    EXPECT_EQ(machine.pick(cpu1).stream, nullptr);
    machine.call(ordered(1, 2), cpu0);
    const ScheduledTask woken = machine.pick(cpu1);
    EXPECT_EQ(woken.task, second);
    EXPECT_EQ(machine.kernel->counters().order_waits, 1U);
    EXPECT_FALSE(machine.call(ordered(5, 6), cpu0).slept);
}

TEST_F(TwoThreads, HoldAReturnUntilItsTurn) {
    EXPECT_TRUE(machine.call(ordered(1, 4), cpu0).slept);
    EXPECT_EQ(machine.pick(cpu0).stream, nullptr);
    EXPECT_FALSE(machine.call(ordered(2, 3), cpu1).slept);
    EXPECT_EQ(machine.pick(cpu0).task, first);
}

TEST_F(TwoThreads, NeverDeadlockOnAnOrderWithHoles) {
    EXPECT_TRUE(machine.call(ordered(10, 11), cpu0).slept);
    EXPECT_TRUE(machine.call(ordered(20, 21), cpu1).slept);
    EXPECT_EQ(machine.pick(cpu0).task, first);
    EXPECT_EQ(machine.kernel->counters().orders_forced, 1U);
    EXPECT_EQ(machine.kernel->stream_ended(cpu0, machine.now).outcome, PathOutcome::Exit);
}

TEST_F(TwoThreads, SleepAndWakeOnAFutex) {
    EXPECT_TRUE(machine.call(sys_futex, {base, 128, 0}, 0, cpu0).slept);
    EXPECT_EQ(machine.pick(cpu0).stream, nullptr);
    machine.call(sys_futex, {base + 4, 129, 1}, 0, cpu1); // nobody waits there
    EXPECT_EQ(machine.pick(cpu0).stream, nullptr);
    machine.call(sys_futex, {base, 129, 1}, 1, cpu1);
    EXPECT_EQ(machine.pick(cpu0).task, first);
}

TEST_F(TwoThreads, WakeAWaiterThatHasNotReachedItsSleep) {
    const SyscallRecord wait{.number = sys_futex, .arguments = {base, 128, 0}};
    KernelPath& waiting = machine.kernel->system_call(cpu0, wait, machine.now);
    machine.call(sys_futex, {base, 129, 1}, 1, cpu1);
    test::run_path(*machine.kernel, cpu0, waiting, machine.now);
    EXPECT_EQ(machine.pick(cpu0).task, first);
}

TEST_F(TwoThreads, DieTogetherAtExitGroup) {
    machine.call(231, {}, 0, cpu0);
    EXPECT_EQ(machine.kernel->live_tasks(), 1U);
    KernelPath& path = machine.kernel->page_fault(cpu1, VirtAddr(base), FaultAccess::Read, machine.now);
    EXPECT_EQ(test::run_path(*machine.kernel, cpu1, path, machine.now).outcome, PathOutcome::Exit);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
}

TEST_F(TwoThreads, InterruptEachOtherWhenMemoryIsUnmapped) {
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    const SyscallRecord unmap{.number = 11, .arguments = {base, page_size}};
    KernelPath& path = machine.kernel->system_call(cpu0, unmap, machine.now);
    const TlbInvalidation& flush = path.invalidation(0);
    EXPECT_TRUE(flush.cpus[0] && flush.cpus[1]);
    EXPECT_EQ(flush.cpus.count(), 2U);
    EXPECT_EQ(flush.scope, TlbInvalidation::Scope::Range);
    EXPECT_EQ(flush.start, VirtAddr(base));
    EXPECT_EQ(flush.end, VirtAddr(base + page_size));
    test::run_path(*machine.kernel, cpu0, path, machine.now);
}

TEST(Scheduling, FlushesATlbThatMissedChangesWhileAway) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.workload.add_child(50);
    machine.workload.add_child(51);
    const TaskId first = machine.pick(cpu0).task;
    machine.map_anonymous(base, page_size);
    machine.touch(base);
    machine.call(sys_clone, {thread_flags}, 50, cpu0); // a thread, onto CPU 1
    const TaskId thread = machine.pick(cpu1).task;
    machine.call(57, {}, 51, cpu1);
    machine.call(sys_futex, {base, 128, 0}, 0, cpu1);
    ASSERT_NE(machine.pick(cpu1).task, thread); // the new process
    machine.call(11, {base, page_size}, 0, cpu0);
    machine.call(sys_futex, {base, 129, 1}, 1, cpu0);
    ScheduledTask next;
    ASSERT_EQ(machine.kernel->pick(cpu1, machine.now, next), KernelInterface::Pick::Switched);
    EXPECT_EQ(next.task, thread);
    const PathTotals back = test::run_path(*machine.kernel, cpu1, *next.path, machine.now);
    EXPECT_EQ(back.flushes, 1U);
    EXPECT_NE(first, thread);
}

TEST(Scheduling, LetsATaskWhoseStreamHasNothingLeaveItsCpuAtNoCost) {
    Machine machine;
    machine.boot();
    const TaskId task = machine.pick().task;
    machine.workload.streams.front()->is_ready = false;
    const Tick parked = machine.now;
    KernelPath& path = machine.kernel->stream_not_ready(cpu0, machine.now);
    EXPECT_TRUE(test::run_path(*machine.kernel, cpu0, path, machine.now).slept);
    EXPECT_EQ(machine.now, parked); // nothing was run
    EXPECT_EQ(machine.pick().stream, nullptr);
    EXPECT_EQ(machine.kernel->next_wakeup(cpu0), parked); // time stands still
    EXPECT_EQ(machine.workload.asked_for_news, 1);
    machine.workload.streams.front()->is_ready = true;
    EXPECT_EQ(machine.pick().task, task);
}

TEST(Scheduling, WaitsForAChildThatIsStillRunning) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    machine.workload.add_child(50);
    const TaskId parent = machine.pick(cpu0).task;
    machine.call(57, {}, 50, cpu0);
    machine.pick(cpu1);
    EXPECT_TRUE(machine.call(61, {~0ULL}, 50, cpu0).slept);
    EXPECT_EQ(machine.pick(cpu0).stream, nullptr);
    machine.call(231, {}, 0, cpu1);
    EXPECT_EQ(machine.pick(cpu0).task, parent);
}

} // namespace
} // namespace pagewalk::os
