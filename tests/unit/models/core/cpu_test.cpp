#include "models/core/cpu.h"
#include "tests/unit/models/core/cpu_rig.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

constexpr Tick long_time{1'000'000'000};
constexpr Tick microsecond{1'000'000};

std::vector<Step> work(std::size_t blocks) {
    return std::vector(blocks, step(std::vector<MicroOp>(6, alu(1, 1))));
}

TEST(Cpu, RunsAStreamToItsEnd) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(3));
    task.stream.add(work(4), StreamStatus::End);
    const Cpu::Progress progress = rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_EQ(progress.state, Cpu::State::Idle);
    EXPECT_EQ(progress.wake, no_time);
    EXPECT_TRUE(task.exited);
    EXPECT_EQ(rig.kernel.live_tasks(), 0U);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 7U * 6);
}

TEST(Cpu, CpuWithoutTasksIsIdleAtOnce) {
    CpuRig rig;
    EXPECT_EQ(rig.cpus[0]->advance(Tick(), long_time).state, Cpu::State::Idle);
    EXPECT_EQ(rig.cpus[0]->now(), Tick());
}

TEST(Cpu, PageFaultIsServedOnceAndTheInstructionGoesOn) {
    CpuRig rig;
    const VirtAddr missing = data + 64 * page_size;
    auto& task = rig.kernel.add_task(1);
    task.stream.add({step({alu(), load(), store()}, {read(1, missing + 8), write(2, missing + 16)})});
    (void)rig.cpus[0]->advance(Tick(), long_time);
    ASSERT_EQ(rig.kernel.faults.size(), 1U);
    EXPECT_EQ(rig.kernel.faults[0].address, missing + 8);
    EXPECT_EQ(rig.kernel.faults[0].access, FaultAccess::Read);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 3U);
    // The fault's path and the exit's.
    EXPECT_EQ(rig.cpus[0]->core().stats().kernel_instructions, 2U * 20);
    EXPECT_EQ(rig.kernel.completed.size(), 2U);
}

TEST(Cpu, FaultThatIsPartOfItsWalkIsNoException) {
    constexpr std::uint64_t penalty = 10'000;
    for (const std::uint64_t in_walk : {0U, 200U}) {
        CpuConfig config;
        config.core.exception_penalty = Cycles(penalty);
        config.mmu.champsim_frames = 1ULL << 13;
        config.mmu.first_touch = Cycles(in_walk);
        CpuRig rig(1, config);
        auto& task = rig.kernel.add_task(1);
        const VirtAddr missing = data + 64 * page_size;
        task.stream.add({step({load(), load()}, {read(0, missing), read(1, missing + page_size)})});
        (void)rig.cpus[0]->advance(Tick(), long_time);
        EXPECT_EQ(rig.kernel.faults.size(), 2U);
        EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 2U);
        // The exit enters the kernel, and so does each fault that is an exception.
        const std::uint64_t entries = in_walk != 0 ? 1 : 3;
        EXPECT_GE(rig.cpus[0]->core().cycle().value(), entries * 2 * penalty);
        EXPECT_LT(rig.cpus[0]->core().cycle().value(), (entries * 2 + 1) * penalty);
    }
}

TEST(Cpu, SystemCallFollowsItsBatchesBlocks) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(5), StreamStatus::SystemCall, call(Call::Nothing));
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Nothing));
    task.stream.add(work(1), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_EQ(rig.kernel.system_calls, 2U);
    EXPECT_TRUE(task.exited);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 36U);
}

TEST(Cpu, SleepingTaskLeavesTheCpuToAnother) {
    CpuRig rig;
    auto& sleeper = rig.kernel.add_task(1);
    sleeper.stream.add(work(1), StreamStatus::SystemCall, call(Call::Sleep, 50 * microsecond.value()));
    sleeper.stream.add(work(1), StreamStatus::End);
    auto& other = rig.kernel.add_task(2);
    other.stream.add(work(10), StreamStatus::End);
    const Cpu::Progress progress = rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_EQ(progress.state, Cpu::State::Idle);
    EXPECT_EQ(progress.wake, sleeper.path.wake_time);
    EXPECT_TRUE(other.exited);
    EXPECT_FALSE(sleeper.exited);
    EXPECT_LT(rig.cpus[0]->now(), sleeper.path.wake_time);
}

TEST(Cpu, TellsTheKernelWhatEachTaskHasExecuted) {
    CpuRig rig;
    auto& sleeper = rig.kernel.add_task(1);
    sleeper.stream.add(work(1), StreamStatus::SystemCall, call(Call::Sleep, 50 * microsecond.value()));
    sleeper.stream.add(work(3), StreamStatus::End);
    rig.kernel.add_task(2).stream.add(work(10), StreamStatus::End);
    const Tick wake = rig.cpus[0]->advance(Tick(), long_time).wake;
    (void)rig.cpus[0]->advance(wake, wake + long_time);
    EXPECT_EQ(rig.kernel.accounted[TaskId{1}].user_instructions, 4 * 6U);
    EXPECT_EQ(rig.kernel.accounted[TaskId{2}].user_instructions, 10 * 6U);
    ExecutedWork all;
    for (const auto& [task, work] : rig.kernel.accounted) all += work;
    const CoreStats& stats = rig.cpus[0]->core().stats();
    EXPECT_EQ(all.user_instructions, stats.user_instructions);
    EXPECT_EQ(all.kernel_instructions, stats.kernel_instructions);
    EXPECT_EQ(all.user_cycles, stats.user_cycles);
    EXPECT_EQ(all.kernel_cycles, stats.kernel_cycles);
}

TEST(Cpu, SleepingPathGoesOnAfterItsWakeUp) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Sleep, 50 * microsecond.value()));
    task.stream.add(work(1), StreamStatus::End);
    const Tick wake = rig.cpus[0]->advance(Tick(), long_time).wake;
    EXPECT_LT(task.path.marked(0), wake);
    EXPECT_EQ(task.path.marked(1), no_time);
    // A cycle too early it sleeps on.
    EXPECT_EQ(rig.cpus[0]->advance(wake - Tick(cycle_ticks), long_time).wake, wake);
    const Tick asleep_until = rig.cpus[0]->now();
    EXPECT_LT(asleep_until, wake);
    (void)rig.cpus[0]->advance(wake, long_time);
    EXPECT_TRUE(task.exited);
    EXPECT_GT(rig.stat("idle_cycles"), 40'000U);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 6U);
}

TEST(Cpu, MarksAreSetToTheTimeTheyAreReached) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Lock, kernel_memory.value(), 160));
    task.stream.add({}, StreamStatus::NotYet);
    std::array<Tick, 3> marks;
    // The path is cleared by the next one: look before.
    while (task.path.steps().empty() || task.path.marked(2) == no_time)
        ASSERT_EQ(rig.cpus[0]->advance(Tick(), rig.cpus[0]->now() + Tick(cycle_ticks)).state,
                  Cpu::State::Running);
    for (std::uint32_t i = 0; i < 3; ++i) marks[i] = task.path.marked(i);
    EXPECT_LT(marks[0], marks[1]);
    EXPECT_LT(marks[1], marks[2]);
    // 160 instructions of one chain at two a cycle.
    EXPECT_GE(marks[2] - marks[1], Tick(80 * cycle_ticks));
    ASSERT_FALSE(rig.kernel.completed.empty());
    EXPECT_EQ(rig.kernel.completed.back().now, marks[2]);
    EXPECT_EQ(rig.cpus[0]->now(), marks[2] + Tick(30 * cycle_ticks)); // leaving the kernel
}

TEST(Cpu, YieldingTaskIsPickedAgain) {
    CpuRig rig;
    auto& first = rig.kernel.add_task(1);
    first.stream.add({}, StreamStatus::SystemCall, call(Call::Yield));
    first.stream.add(work(1), StreamStatus::End);
    auto& second = rig.kernel.add_task(2);
    second.stream.add(work(1), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_TRUE(first.exited && second.exited);
    EXPECT_EQ(rig.kernel.switches, 3U);
    EXPECT_EQ(rig.stat("context_switches"), 3U);
}

TEST(Cpu, TaskThatYieldsToNobodyIsNoSwitch) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Yield));
    task.stream.add(work(1), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_TRUE(task.exited);
    EXPECT_EQ(rig.stat("context_switches"), 1U);
}

TEST(Cpu, TimeSliceEndsAndTheOtherTaskRuns) {
    CpuRig rig;
    const Tick slice = microsecond * 10;
    // Chains of 6 cycles a block: 200 us of work each.
    auto& first = rig.kernel.add_task(1, CpuId{0}, slice);
    first.stream.add(work(35'000), StreamStatus::End);
    auto& second = rig.kernel.add_task(2, CpuId{0}, slice);
    second.stream.add(work(35'000), StreamStatus::End);
    EXPECT_EQ(rig.cpus[0]->advance(Tick(), slice - Tick(cycle_ticks)).state, Cpu::State::Running);
    EXPECT_EQ(rig.kernel.switches, 1U);
    (void)rig.cpus[0]->advance(Tick(), slice + Tick(200 * cycle_ticks));
    EXPECT_EQ(rig.kernel.switches, 2U);
    (void)rig.cpus[0]->advance(Tick(), slice * 10 + Tick(2000 * cycle_ticks));
    EXPECT_EQ(rig.kernel.switches, 11U);
    EXPECT_EQ(rig.stat("context_switches"), 11U);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_TRUE(first.exited && second.exited);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 2U * 35'000 * 6);
}

TEST(Cpu, TimeSliceOfALoneTaskIsRenewed) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1, CpuId{0}, microsecond);
    task.stream.add(work(2'000), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_TRUE(task.exited);
    EXPECT_EQ(rig.kernel.switches, 1U);
    EXPECT_EQ(rig.stat("context_switches"), 1U);
}

TEST(Cpu, BranchIsNotPredictedAcrossASwitchOfTask) {
    CpuRig rig;
    const Tick slice = microsecond;
    // Each task loops in a block of its own: all direct jumps but one to the other task's block are
    // impossible.
    for (std::uint32_t id = 1; id <= 2; ++id) {
        Step loop = step(std::vector<MicroOp>(6, alu(1, 1)), {}, code + id * 64);
        loop.block.branch = BranchKind::IndirectJump;
        rig.kernel.add_task(id, CpuId{0}, slice).stream.add(std::vector(20'000, loop), StreamStatus::End);
    }
    (void)rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_GT(rig.kernel.switches, 50U);
    // Learning the two targets takes a few; a switch adds none.
    EXPECT_LT(rig.cpus[0]->core().stats().branch_misses, 50U);
}

TEST(Cpu, InstructionLimitEndsTheRun) {
    CpuRig rig;
    rig.kernel.add_task(1).stream.add(work(10), StreamStatus::End);
    rig.cpus[0]->core().set_instruction_limit(31);
    EXPECT_EQ(rig.cpus[0]->advance(Tick(), long_time).state, Cpu::State::LimitReached);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 36U);
}

TEST(Cpu, StopsAtTheFirstBlockEndNotBeforeTheQuantums) {
    CpuRig rig;
    rig.kernel.add_task(1).stream.add(work(5'000), StreamStatus::End);
    const Tick end = microsecond * 5;
    EXPECT_EQ(rig.cpus[0]->advance(Tick(), end).state, Cpu::State::Running);
    EXPECT_GE(rig.cpus[0]->now(), end);
    EXPECT_LT(rig.cpus[0]->now(), end + Tick(7 * cycle_ticks));
}

TEST(Cpu, TimeBeforeTheQuantumIsIdle) {
    CpuRig rig;
    rig.kernel.add_task(1).stream.add(work(1), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(700 * cycle_ticks), long_time);
    EXPECT_EQ(rig.stat("idle_cycles"), 700U);
    EXPECT_EQ(rig.stat("cycles"),
              rig.stat("idle_cycles") + rig.stat("user_cycles") + rig.stat("kernel_cycles"));
}

TEST(Cpu, StreamThatIsNotReadyIsAskedAgainLater) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(1), StreamStatus::NotYet);
    task.stream.add(work(1), StreamStatus::End);
    const Cpu::Progress progress = rig.cpus[0]->advance(Tick(), long_time);
    EXPECT_EQ(progress.state, Cpu::State::Idle);
    EXPECT_EQ(rig.kernel.not_ready, 1U);
    ASSERT_NE(progress.wake, no_time);
    (void)rig.cpus[0]->advance(progress.wake, long_time);
    EXPECT_TRUE(task.exited);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 12U);
}

TEST(Cpu, TaskThatReusesAnIdBeginsItsOwnStream) {
    CpuRig rig;
    rig.kernel.add_task(1).stream.add(work(3), StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    auto& again = rig.kernel.add_task(1);
    again.stream.add(work(2), StreamStatus::End);
    (void)rig.cpus[0]->advance(rig.cpus[0]->now(), long_time);
    EXPECT_TRUE(again.exited);
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 5U * 6);
}

TEST(Cpu, PathIsLeftAtTheQuantumsEndAndGoesOnInTheNext) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Lock, kernel_memory.value(), 20'000));
    task.stream.add({}, StreamStatus::End);
    unsigned quanta = 0;
    for (Tick from; !task.exited; from = rig.cpus[0]->now(), ++quanta) {
        (void)rig.cpus[0]->advance(from, from + microsecond);
        ASSERT_LT(rig.cpus[0]->now(), from + microsecond + Tick(500 * cycle_ticks));
    }
    EXPECT_GE(quanta, 10U);
    EXPECT_EQ(rig.kernel.completed.size(), 2U);
}

TEST(Cpu, PathTakesAsLongInManyQuantaAsInOne) {
    Tick ends[2];
    for (const Tick quantum : {long_time, microsecond}) {
        CpuRig rig;
        auto& task = rig.kernel.add_task(1);
        const std::uint64_t page = kernel_memory.value() + 16 * page_size;
        task.stream.add(work(10), StreamStatus::SystemCall, call(Call::Clear, page, 64 * page_size));
        task.stream.add(work(10), StreamStatus::SystemCall, call(Call::Lock, page, 3'000));
        task.stream.add({}, StreamStatus::End);
        while (!task.exited) (void)rig.cpus[0]->advance(rig.cpus[0]->now(), rig.cpus[0]->now() + quantum);
        ends[quantum == microsecond] = rig.cpus[0]->now();
    }
    EXPECT_EQ(ends[0], ends[1]);
}

TEST(Cpu, ClearAndCopyStepsTouchEveryLine) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    const std::uint64_t page = kernel_memory.value() + 16 * page_size;
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Clear, page, page_size));
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Copy, page + page_size, page, page_size));
    task.stream.add({}, StreamStatus::End);
    (void)rig.cpus[0]->advance(Tick(), long_time);
    // Besides, three paths of 20 instructions with 4 loads and 2 stores.
    EXPECT_EQ(rig.stat("stores"), 2 * page_size / line_size + 3 * 2);
    EXPECT_EQ(rig.stat("loads"), page_size / line_size + 3 * 4);
}

} // namespace
} // namespace pagewalk::models
