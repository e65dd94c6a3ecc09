#include "models/core/cpu.h"
#include "tests/unit/models/core/cpu_rig.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

constexpr Tick microsecond{1'000'000};
constexpr Tick ipi{500'000};
constexpr Tick hold{10'000 * cycle_ticks};     ///< at least, of a lock held for 20000 instructions
constexpr std::uint64_t handler_at_most = 700; ///< cycles, cold

std::vector<Step> work(std::size_t blocks) {
    return std::vector(blocks, step(std::vector<MicroOp>(6, alu(1, 1))));
}

/// CPU 1's hold, and CPU 0's release.
struct Contention {
    Tick asked, acquired, released;
    std::uint64_t lock_stall, contended;
};
Contention contend(VirtAddr lock0, VirtAddr lock1, Tick quantum) {
    CpuRig rig(2);
    auto& holder = rig.kernel.add_task(1, CpuId{0});
    holder.stream.add({}, StreamStatus::SystemCall, call(Call::Lock, lock0.value(), 20'000));
    holder.stream.add({}, StreamStatus::End);
    // 6000 cycles of work: the second asks while the first holds the lock.
    auto& waiter = rig.kernel.add_task(2, CpuId{1});
    waiter.stream.add(work(1000), StreamStatus::SystemCall, call(Call::Lock, lock1.value(), 20'000));
    waiter.stream.add({}, StreamStatus::End);
    rig.run(quantum);
    rig.cpus[1]->core().settle_stats();
    return {waiter.marks.at(0), waiter.marks.at(1), holder.marks.at(2),
            rig.cpus[1]->core().stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Lock)],
            rig.commons.locks.stats().contended};
}

TEST(CpuLocks, LockHeldByAnotherCpuIsWaitedForWhateverTheQuantum) {
    for (const Tick quantum : {Tick(cycle_ticks), microsecond, microsecond * 100}) {
        const Contention got = contend(kernel_memory, kernel_memory, quantum);
        // Once the lock's line has come from who released it.
        EXPECT_GT(got.acquired, got.released);
        EXPECT_LT(got.acquired, got.released + Tick(400'000));
        EXPECT_EQ(got.contended, 1U);
        EXPECT_GT(got.lock_stall, 4'000U);
        EXPECT_LE(got.lock_stall, (got.acquired - got.asked).value() / cycle_ticks);
    }
}

TEST(CpuLocks, LocksThatDifferAreNotWaitedFor) {
    const Contention got = contend(kernel_memory, kernel_memory + line_size, microsecond);
    EXPECT_LT(got.acquired, got.released);
    EXPECT_EQ(got.contended, 0U);
    EXPECT_EQ(got.lock_stall, 0U);
}

TEST(CpuAtomics, ContendedLineGoesFromCpuToCpuInTheOrderOfSimulatedTime) {
    constexpr std::uint64_t turns = 20;
    const auto transfers = [](Tick quantum) {
        CpuRig rig(2);
        for (std::uint16_t i = 0; i < 2; ++i) {
            auto& task = rig.kernel.add_task(1 + i, CpuId{i});
            task.stream.add(work(10), StreamStatus::SystemCall,
                            call(Call::Atomics, kernel_memory.value() + 8 * page_size, turns, 1'000));
            task.stream.add({}, StreamStatus::End);
        }
        rig.run(quantum);
        return rig.llc.stats().remote_cache_hits;
    };
    // Once a turn, already as its owner's; a few more for the stack that the calls share.
    for (const Tick quantum : {Tick(cycle_ticks), microsecond, microsecond * 100}) {
        EXPECT_GE(transfers(quantum), 2 * turns - 2);
        EXPECT_LE(transfers(quantum), 2 * turns + 8);
    }
}

TEST(CpuEffects, EffectsTakePlaceInTheOrderOfSimulatedTime) {
    for (const Tick quantum : {microsecond, microsecond * 100}) {
        CpuRig rig(3);
        for (std::uint16_t i = 0; i < 3; ++i) {
            auto& task = rig.kernel.add_task(1 + i, CpuId{i});
            for (unsigned turn = 0; turn < 5; ++turn)
                task.stream.add(work(10), StreamStatus::SystemCall,
                                call(Call::Effect, turn, 1'000 + 777 * i));
            task.stream.add({}, StreamStatus::End);
        }
        rig.run(quantum);
        ASSERT_EQ(rig.kernel.effects.size(), 15U);
        EXPECT_TRUE(std::ranges::is_sorted(rig.kernel.effects, {}, &ScriptedKernel::Effect::now));
    }
}

/// A flush by CPU 0 of `pages` on the CPUs in `mask`. Returns how long it took.
Tick flush_time(CpuRig& rig, std::uint64_t pages, std::uint64_t mask, Tick quantum = microsecond) {
    auto& task = rig.kernel.add_task(9);
    task.stream.add({}, StreamStatus::SystemCall, call(Call::Flush, data.value(), pages, mask));
    task.stream.add({}, StreamStatus::End);
    rig.run(quantum);
    return task.marks.at(1) - task.marks.at(0);
}

TEST(CpuShootdowns, FlushOfARangeCostsEachPage) {
    for (const auto& [pages, cycles] : {std::pair{1, 100}, {3, 300}, {33, 3300}, {34, 3400}}) {
        CpuRig rig;
        EXPECT_EQ(flush_time(rig, static_cast<std::uint64_t>(pages), 1), Tick(cycles * cycle_ticks)) << pages;
    }
}

TEST(CpuShootdowns, SenderWaitsForTheInterruptAndItsHandler) {
    CpuRig rig(2);
    const Tick least = Tick(2 * 100 * cycle_ticks) + ipi; // both drop a page
    const Tick took = flush_time(rig, 1, 3);
    EXPECT_GT(took, least);
    EXPECT_LT(took, least + Tick(handler_at_most * cycle_ticks));
    EXPECT_EQ(rig.stat("shootdowns_sent"), 1U);
    EXPECT_EQ(rig.stat("shootdowns_received", 1), 1U);
    EXPECT_EQ(rig.stat("shootdown_wait_cycles"), took.value() / cycle_ticks - 100);
}

/// A flush of CPU 1, which runs a program meanwhile.
Tick flush_of_a_busy_cpu(Tick quantum) {
    CpuRig rig(2);
    rig.kernel.add_task(1, CpuId{1}).stream.add(work(20'000), StreamStatus::End);
    return flush_time(rig, 1, 2, quantum);
}

TEST(CpuShootdowns, WaitDoesNotDependOnHowFarTheReceiverRanAhead) {
    const Tick fine = flush_of_a_busy_cpu(Tick(10 * cycle_ticks));
    EXPECT_GT(fine, ipi);
    for (const Tick quantum : {Tick(250'000), microsecond, microsecond * 50}) {
        const Tick took = flush_of_a_busy_cpu(quantum);
        EXPECT_LE(took.value() > fine.value() ? took - fine : fine - took, Tick(10 * cycle_ticks));
    }
}

TEST(CpuShootdowns, ReceiverDropsItsTranslation) {
    CpuRig rig(2);
    auto& victim = rig.kernel.add_task(1, CpuId{1});
    victim.stream.add({step({load()}, {read(0, data)})}, StreamStatus::SystemCall,
                      call(Call::Sleep, 20 * microsecond.value()));
    victim.stream.add({step({load()}, {read(0, data)})}, StreamStatus::End);
    rig.run(microsecond, microsecond * 10);
    const std::uint64_t walks = rig.cpus[1]->mmu().walker().stats().walks;
    (void)flush_time(rig, 1, 2);
    EXPECT_GT(rig.cpus[1]->mmu().walker().stats().walks, walks);
    EXPECT_TRUE(victim.exited);
}

TEST(CpuShootdowns, IdleCpuTakesItWhenItArrives) {
    CpuRig rig(2);
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(10), StreamStatus::SystemCall, call(Call::Flush, data.value(), 1, 2));
    task.stream.add({}, StreamStatus::End);
    rig.run(microsecond);
    ASSERT_EQ(rig.kernel.interrupts[1].size(), 1U);
    EXPECT_EQ(rig.kernel.interrupts[1][0].kind, InterruptKind::Shootdown);
    EXPECT_EQ(rig.kernel.interrupts[1][0].now, task.marks.at(0) + Tick(100 * cycle_ticks) + ipi);
}

TEST(CpuShootdowns, CpusThatFlushEachOtherBothGoOn) {
    for (const Tick quantum : {Tick(100'000), microsecond * 10}) {
        CpuRig rig(2);
        std::array<ScriptedKernel::Task*, 2> tasks{};
        for (std::uint16_t i = 0; i < 2; ++i) {
            tasks[i] = &rig.kernel.add_task(1 + i, CpuId{i});
            for (unsigned turn = 0; turn < 10; ++turn)
                tasks[i]->stream.add(work(1 + i), StreamStatus::SystemCall,
                                     call(Call::Flush, data.value(), 1, 3));
            tasks[i]->stream.add({}, StreamStatus::End);
        }
        rig.run(quantum);
        EXPECT_TRUE(tasks[0]->exited && tasks[1]->exited);
        EXPECT_EQ(rig.stat("shootdowns_received", 0), 10U);
        EXPECT_EQ(rig.stat("shootdowns_received", 1), 10U);
    }
}

TEST(CpuShootdowns, CpuThatWaitsForALockStillTakesThem) {
    CpuRig rig(2);
    // CPU 0 flushes CPU 1, which waits for the lock that CPU 0 holds.
    auto& holder = rig.kernel.add_task(1, CpuId{0});
    holder.stream.add({}, StreamStatus::SystemCall, call(Call::LockedFlush, kernel_memory.value(), 2));
    holder.stream.add({}, StreamStatus::End);
    auto& waiter = rig.kernel.add_task(2, CpuId{1});
    waiter.stream.add(work(1'000), StreamStatus::SystemCall, call(Call::Lock, kernel_memory.value(), 20));
    waiter.stream.add({}, StreamStatus::End);
    rig.run(microsecond);
    EXPECT_TRUE(holder.exited && waiter.exited);
    ASSERT_EQ(rig.kernel.interrupts[1].size(), 1U);
    EXPECT_LT(rig.kernel.interrupts[1][0].now, waiter.marks.at(1));
}

TEST(CpuShootdowns, CpuThatHoldsALockTakesThemWhenItHasReleasedIt) {
    CpuRig rig(2);
    auto& sender = rig.kernel.add_task(1, CpuId{0});
    sender.stream.add(work(100), StreamStatus::SystemCall, call(Call::Flush, data.value(), 1, 2));
    sender.stream.add({}, StreamStatus::End);
    auto& holder = rig.kernel.add_task(2, CpuId{1});
    holder.stream.add({}, StreamStatus::SystemCall, call(Call::Lock, kernel_memory.value(), 20'000));
    holder.stream.add({}, StreamStatus::End);
    rig.run(microsecond);
    ASSERT_EQ(rig.kernel.interrupts[1].size(), 1U);
    const Tick released = holder.marks.at(1) + hold;
    EXPECT_GE(rig.kernel.interrupts[1][0].now, released);
    EXPECT_LT(rig.kernel.interrupts[1][0].now, holder.marks.at(2));
    EXPECT_GT(sender.marks.at(1), released);
}

TEST(CpuInterrupts, IdleCpuTakesOneAtItsTime) {
    CpuRig rig(2);
    auto& worker = rig.kernel.add_task(1, CpuId{0});
    worker.stream.add(work(5'000), StreamStatus::End);
    rig.run(microsecond, microsecond * 5);
    const Tick at = rig.cpus[0]->now() + Tick(123'000);
    rig.commons.interrupts.raise(CpuId{1}, {InterruptKind::Device, 3}, at);
    rig.run(microsecond);
    ASSERT_EQ(rig.kernel.interrupts[1].size(), 1U);
    EXPECT_EQ(rig.kernel.interrupts[1][0].now, at);
    EXPECT_EQ(rig.stat("interrupts", 1), 1U);
}

TEST(CpuInterrupts, ProgramIsInterruptedAtTheBlockThatReachesTheTime) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(5'000), StreamStatus::End);
    const Tick at = microsecond * 7;
    rig.commons.interrupts.raise(CpuId{0}, {InterruptKind::Device, 0}, at);
    rig.run(microsecond * 100);
    ASSERT_EQ(rig.kernel.interrupts[0].size(), 1U);
    EXPECT_GE(rig.kernel.interrupts[0][0].now, at);
    EXPECT_LT(rig.kernel.interrupts[0][0].now, at + Tick(7 * cycle_ticks));
    EXPECT_EQ(rig.cpus[0]->core().stats().user_instructions, 5'000U * 6);
}

TEST(CpuInterrupts, PathIsInterruptedBetweenItsStepsButNotUnderALock) {
    for (const bool locked : {false, true}) {
        CpuRig rig;
        auto& task = rig.kernel.add_task(1);
        task.stream.add({}, StreamStatus::SystemCall,
                        locked ? call(Call::Lock, kernel_memory.value(), 20'000)
                               : call(Call::Effect, 0, 20'000));
        task.stream.add({}, StreamStatus::End);
        const Tick at = microsecond * 4;
        rig.commons.interrupts.raise(CpuId{0}, {InterruptKind::Device, 0}, at);
        rig.run(microsecond);
        ASSERT_EQ(rig.kernel.interrupts[0].size(), 1U);
        const Tick taken = rig.kernel.interrupts[0][0].now;
        if (locked)
            EXPECT_GE(taken, task.marks.at(1) + hold);
        else
            EXPECT_LT(taken, at + Tick(100 * cycle_ticks));
        EXPECT_TRUE(task.exited);
    }
}

TEST(CpuInterrupts, RescheduleMakesABusyCpuAskTheKernel) {
    CpuRig rig;
    auto& first = rig.kernel.add_task(1);
    first.stream.add(work(20'000), StreamStatus::End);
    auto& second = rig.kernel.add_task(2);
    second.stream.add(work(10), StreamStatus::End);
    const Tick at = microsecond * 10;
    rig.commons.interrupts.raise(CpuId{0}, {InterruptKind::Reschedule, 0}, at);
    rig.run(microsecond, microsecond * 20);
    EXPECT_TRUE(second.exited); // it had waited for the end of a slice of a millisecond
    EXPECT_FALSE(first.exited);
}

TEST(CpuInterrupts, EarlierOnesAreTakenFirst) {
    CpuRig rig;
    auto& task = rig.kernel.add_task(1);
    task.stream.add(work(5'000), StreamStatus::End);
    rig.commons.interrupts.raise(CpuId{0}, {InterruptKind::Device, 0}, microsecond * 8);
    rig.commons.interrupts.raise(CpuId{0}, {InterruptKind::Reschedule, 0}, microsecond * 3);
    rig.run(microsecond * 100);
    ASSERT_EQ(rig.kernel.interrupts[0].size(), 2U);
    EXPECT_EQ(rig.kernel.interrupts[0][0].kind, InterruptKind::Reschedule);
    EXPECT_EQ(rig.kernel.interrupts[0][1].kind, InterruptKind::Device);
}

} // namespace
} // namespace pagewalk::models
