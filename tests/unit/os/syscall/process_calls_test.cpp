#include "os/syscall/handlers.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};
constexpr std::uint64_t word = 0x7f0000000000;
constexpr std::uint64_t futex_wait = 0, futex_wake = 1, futex_private = 128;
constexpr std::int64_t child_id = 77;

/// A program on CPU 0, alone at first.
struct ProcessCalls : testing::Test {
    Machine machine{256ULL << 20, 2};
    TaskId parent{}, child{};

    void SetUp() override {
        machine.workload.add_child(child_id);
        machine.workload.mappings = {
            {.start = VirtAddr(0x400000), .end = VirtAddr(0x401000), .readable = true, .executable = true}};
        machine.boot();
        parent = machine.pick(cpu0).task;
    }
    void clone(std::uint32_t number, std::uint64_t flags = 0) {
        machine.call(number, {flags}, child_id, cpu0);
        child = machine.pick(cpu1).task;
        ASSERT_NE(child, TaskId{});
    }
    [[nodiscard]] const Task& task(TaskId id) { return *machine.kernel->find_task(id); }
    [[nodiscard]] bool sleeps(TaskId id) { return task(id).state == TaskState::Sleeping; }
};

TEST_F(ProcessCalls, ForkAProcessOfItsOwn) {
    clone(SYS_fork);
    EXPECT_NE(task(child).group, task(parent).group);
    EXPECT_NE(task(child).space, task(parent).space);
    EXPECT_FALSE(sleeps(parent));
}

TEST_F(ProcessCalls, VforkAChildInTheParentsMemoryAndWaitForIt) {
    clone(SYS_vfork);
    EXPECT_EQ(task(child).space, task(parent).space);
    EXPECT_TRUE(sleeps(parent));
    machine.call(SYS_execve, {}, 0, cpu1);
    EXPECT_FALSE(sleeps(parent));
    EXPECT_NE(task(child).space, task(parent).space);
}

TEST_F(ProcessCalls, ExecveReadsItsWordsWhereTheyLie) {
    machine.map_anonymous(word, 2 * page_size);
    const KernelCounters& counters = machine.kernel->counters();
    const std::uint64_t faults = counters.pgfault, copied = counters.copied_from_user;
    SyscallRecord record{.number = SYS_execve};
    record.segments = {{VirtAddr(word + page_size - 10), 30}};
    machine.call(record, cpu0);
    EXPECT_EQ(counters.copied_from_user - copied, 30U);
    EXPECT_EQ(counters.pgfault - faults, 2U); // nobody had touched the pages
}

TEST_F(ProcessCalls, MakeAThreadWithClone3) {
    clone(SYS_clone3);
    EXPECT_EQ(task(child).group, task(parent).group);
    EXPECT_EQ(task(child).space, task(parent).space);
    EXPECT_EQ(task(child).files, task(parent).files);
}

TEST_F(ProcessCalls, TakeClonesFlagsFromItsFirstArgument) {
    clone(SYS_clone, 0x400); // CLONE_FILES
    EXPECT_EQ(task(child).files, task(parent).files);
    EXPECT_NE(task(child).space, task(parent).space);
}

TEST_F(ProcessCalls, WaitForAChildsExit) {
    clone(SYS_fork);
    machine.call(SYS_wait4, {~0ULL}, child_id, cpu0);
    EXPECT_TRUE(sleeps(parent));
    machine.call(SYS_exit, {}, 0, cpu1);
    EXPECT_EQ(machine.finish(parent, cpu0), PathOutcome::Resume);
}

TEST_F(ProcessCalls, DoNotWaitWhereNoChildHadEnded) {
    clone(SYS_fork);
    machine.call(SYS_wait4, {~0ULL, 0, 1}, 0, cpu0); // WNOHANG
    EXPECT_FALSE(sleeps(parent));
}

TEST_F(ProcessCalls, WaitForTheChildThatWaitidNames) {
    clone(SYS_fork);
    machine.call(SYS_waitid, {1, child_id}, 0, cpu0);
    EXPECT_TRUE(sleeps(parent));
}

TEST_F(ProcessCalls, WakeAsManyFutexWaitersAsTheProgramWoke) {
    clone(SYS_clone3);
    machine.call(SYS_futex, {word, futex_wait | futex_private}, 0, cpu0);
    EXPECT_TRUE(sleeps(parent));
    machine.call(SYS_futex, {word, futex_wake | futex_private, 1}, 0, cpu1); // nobody
    EXPECT_TRUE(sleeps(parent));
    machine.call(SYS_futex, {word, futex_wake | futex_private, 1}, 1, cpu1);
    EXPECT_FALSE(sleeps(parent));
}

TEST_F(ProcessCalls, LeaveAFutexWaitToTheOrderWhereItIsKnown) {
    machine.call(SyscallRecord{
        .number = SYS_futex, .arguments = {word, futex_wait}, .enter_order = 1, .exit_order = 2});
    EXPECT_FALSE(sleeps(parent));
}

TEST_F(ProcessCalls, EndAThreadWithExitAndAProcessWithExitGroup) {
    clone(SYS_clone3);
    machine.call(SYS_exit, {}, 0, cpu1);
    EXPECT_EQ(machine.kernel->live_tasks(), 1U);
    machine.call(SYS_exit_group, {}, 0, cpu0);
    EXPECT_EQ(machine.kernel->live_tasks(), 0U);
}

TEST_F(ProcessCalls, YieldOnlyWhereSomebodyWaitsForTheCpu) {
    EXPECT_EQ(machine.call(SYS_sched_yield, {}, 0, cpu0).outcome, PathOutcome::Resume);
    machine.workload.add_child(78);
    clone(SYS_clone3);
    machine.call(SYS_clone3, {}, 78, cpu0);
    EXPECT_EQ(machine.call(SYS_sched_yield, {}, 0, cpu0).outcome, PathOutcome::Reschedule);
}

TEST_F(ProcessCalls, PinsATaskToTheCpusOfItsAffinity) {
    const auto pin = [&](std::uint64_t who, std::uint64_t cpus, CpuId caller) {
        SyscallRecord record{.number = SYS_sched_setaffinity, .arguments = {who, 8, word}};
        record.segments.push_back({VirtAddr(word), cpus});
        machine.call(record, caller);
    };
    pin(0, 0b10, cpu0);
    EXPECT_NE(machine.pick(cpu0).task, parent);
    EXPECT_EQ(machine.pick(cpu1).task, parent);
    pin(0, 0b100, cpu1); // the machine has no such CPU
    EXPECT_EQ(machine.pick(cpu1).task, parent);
    pin(0, 0b01, cpu1);
    EXPECT_NE(machine.pick(cpu1).task, parent);
    EXPECT_EQ(machine.pick(cpu0).task, parent);
}

TEST_F(ProcessCalls, PinAnotherThreadByItsId) {
    clone(SYS_clone, 0x10000 | 0x400 | 0x100);
    SyscallRecord record{.number = SYS_sched_setaffinity, .arguments = {child_id, 8, word}};
    record.segments.push_back({VirtAddr(word), 0b01});
    machine.call(record, cpu0);
    EXPECT_FALSE(task(child).allowed[1]);
    EXPECT_TRUE(task(parent).allowed[1]);
    EXPECT_NE(machine.pick(cpu1).task, child);
}

TEST_F(ProcessCalls, SetTheMemoryPolicyOfTheirTaskAlone) {
    clone(SYS_clone, 0x10000 | 0x400 | 0x100);
    const auto set = [&](std::uint64_t mode, std::uint64_t nodes) {
        SyscallRecord record{.number = SYS_set_mempolicy, .arguments = {mode, word, 65}};
        record.segments.push_back({VirtAddr(word), nodes});
        machine.call(record, cpu0);
    };
    set(2, 0b11); // the machine has no second node
    EXPECT_EQ(task(parent).policy.mode(), MemoryPolicy::Mode::Bind);
    EXPECT_EQ(task(parent).policy.nodes(), NodeMask(0b01));
    EXPECT_EQ(task(child).policy.mode(), MemoryPolicy::Mode::Local);
    set(3 | 1U << 15, 0b01);
    EXPECT_EQ(task(parent).policy.mode(), MemoryPolicy::Mode::Interleave);
    set(0, 0);
    EXPECT_EQ(task(parent).policy.mode(), MemoryPolicy::Mode::Local);
}

TEST_F(ProcessCalls, SleepForTheTimeThatTheyAskFor) {
    SyscallRecord record{.number = SYS_nanosleep, .arguments = {word}};
    record.segments.push_back({VirtAddr(word), 1'000'000'000});
    const Tick begin = machine.now;
    machine.call(record, cpu0);
    EXPECT_TRUE(sleeps(parent));
    machine.now = begin + Tick(ticks_per_second) - Tick(1);
    machine.pick(cpu0);
    EXPECT_TRUE(sleeps(parent));
    machine.now = begin + Tick(ticks_per_second);
    EXPECT_EQ(machine.pick(cpu0).task, parent);
}

} // namespace
} // namespace pagewalk::os
