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

/// Ticks between the marks around a flush of `pages` by CPU 0 of the CPUs in `mask`.
Tick flush_time(CpuRig& rig, std::uint64_t pages, std::uint64_t mask) {
    auto& task = rig.kernel.add_task(9);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Flush, data.value(), pages, mask));
    while (task.path.steps().size() < 4 || task.path.marked(1) == no_time)
        (void)rig.cpus[0]->advance(Tick(), rig.cpus[0]->now() + Tick(cycle_ticks));
    return task.path.marked(1) - task.path.marked(0);
}

TEST(Cpu, FlushCostsEachPageUpToThirtyThreeAndOneBeyond) {
    for (const auto& [pages, cycles] : {std::pair{1, 100}, {3, 300}, {33, 3300}, {34, 100}}) {
        CpuRig rig;
        EXPECT_EQ(flush_time(rig, static_cast<std::uint64_t>(pages), 1), Tick(cycles * cycle_ticks)) << pages;
    }
}

TEST(Cpu, FlushOfOtherCpusTakesTheInterruptsRoundTrip) {
    CpuRig rig(2);
    EXPECT_EQ(flush_time(rig, 1, 3), Tick(100 * cycle_ticks) + microsecond);
    EXPECT_EQ(rig.stat("shootdowns_sent"), 1U);
    EXPECT_EQ(rig.stat("shootdowns_received", 1), 1U);
}

TEST(Cpu, ShootdownDropsTheOthersTranslationAndInterruptsIt) {
    CpuRig rig(2);
    auto& victim = rig.kernel.add_task(1, CpuId{1});
    victim.stream.add({step({load()}, {read(0, data)})}, StreamStatus::SystemCall, call(Call::Sleep, 1));
    victim.stream.add(work(1), StreamStatus::End);
    (void)rig.cpus[1]->advance(Tick(), Tick(2000 * cycle_ticks));
    const std::uint64_t walks = rig.cpus[1]->mmu().stats().walks;
    EXPECT_EQ(rig.cpus[1]->mmu().translate_load(data, 1'000'000).ready, 1'000'000U);
    EXPECT_EQ(rig.cpus[1]->mmu().stats().walks, walks);

    (void)flush_time(rig, 1, 2);
    EXPECT_FALSE(rig.cpus[1]->mmu().translate_load(data, 2'000'000).faulted());
    EXPECT_EQ(rig.cpus[1]->mmu().stats().walks, walks + 1);
    EXPECT_EQ(rig.kernel.interrupts[1], 0U); // idle since: taken with the next task
    (void)rig.cpus[1]->advance(long_time, long_time * 2);
    EXPECT_TRUE(victim.exited);
    EXPECT_EQ(rig.kernel.interrupts[1], 1U);
    EXPECT_EQ(rig.kernel.interrupts[0], 0U);
}

/// Times of CPU 1's acquisition and CPU 0's release, which take `lock0` and `lock1`.
struct Contention {
    Tick released{}, acquired{};
    std::uint64_t lock_stall = 0, contended = 0;
};
Contention contend(VirtAddr lock0, VirtAddr lock1) {
    CpuRig rig(2);
    std::array<ScriptedKernel::Task*, 2> tasks{};
    for (std::uint16_t i = 0; i < 2; ++i) {
        tasks[i] = &rig.kernel.add_task(1 + i, CpuId{i});
        // 6000 cycles of work: the second asks while the first holds the lock.
        tasks[i]->stream.add(work(i == 0 ? 0 : 1000), StreamStatus::SystemCall,
                             call(Call::Lock, (i == 0 ? lock0 : lock1).value(), 20'000));
        while (tasks[i]->path.steps().size() < 4 || tasks[i]->path.marked(2) == no_time)
            (void)rig.cpus[i]->advance(Tick(), rig.cpus[i]->now() + Tick(cycle_ticks));
    }
    return {tasks[0]->path.marked(2), tasks[1]->path.marked(1),
            rig.cpus[1]->core().stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Lock)],
            rig.locks.stats().contended};
}

TEST(Cpu, LockHeldByAnotherCpuIsWaitedFor) {
    const Contention got = contend(kernel_memory, kernel_memory);
    EXPECT_EQ(got.acquired, got.released);
    EXPECT_EQ(got.contended, 1U);
    EXPECT_GT(got.lock_stall, 5'000U);
}

TEST(Cpu, LocksThatDifferAreNotWaitedFor) {
    const Contention got = contend(kernel_memory, kernel_memory + line_size);
    EXPECT_LT(got.acquired, got.released);
    EXPECT_EQ(got.contended, 0U);
    EXPECT_EQ(got.lock_stall, 0U);
}

} // namespace
} // namespace pagewalk::models
