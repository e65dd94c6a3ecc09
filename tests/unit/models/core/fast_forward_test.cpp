#include "tests/unit/models/core/core_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

constexpr VirtAddr cold = data + 5 * page_size + 7 * line_size;
constexpr VirtAddr unmapped{0x7e0000000000};

std::vector<Step> some_work() {
    return {step({load(), store(), alu()}, {read(0, cold), write(1, cold + line_size)}),
            step({alu(), alu()}, {}, code + 16)};
}

TEST(FastForward, CountsWhatTheDetailedCoreCounts) {
    CoreRig detailed, fast;
    fast.core.set_execution(Execution::Warming);
    const auto counted = [](CoreRig& rig) {
        const CoreStats before = rig.core.stats();
        EXPECT_EQ(rig.run(some_work()), RunExit::BatchDone);
        const CoreStats& after = rig.core.stats();
        return std::array{after.user_instructions - before.user_instructions, after.loads - before.loads,
                          after.stores - before.stores};
    };
    EXPECT_EQ(counted(fast), counted(detailed));
}

TEST(FastForward, WarmsCachesAndTlbsForTheDetailedCore) {
    CoreRig rig;
    rig.core.set_execution(Execution::Warming);
    (void)rig.run({step({load()}, {read(0, cold)})});
    rig.core.set_execution(Execution::Detailed);
    const std::uint64_t misses = rig.caches.l1d_stats().misses;
    const std::uint64_t walks = rig.mmu.walker().stats().walks;
    (void)rig.run({step({load()}, {read(0, cold)})});
    EXPECT_EQ(rig.caches.l1d_stats().misses, misses);
    EXPECT_EQ(rig.mmu.walker().stats().walks, walks);
}

TEST(FastForward, LeavesCachesAloneWhereItIsBare) {
    CoreRig rig;
    rig.core.set_execution(Execution::Bare);
    const std::uint64_t accesses = rig.caches.l1d_stats().accesses;
    (void)rig.run({step({load()}, {read(0, data)})}); // its translation is warm: no walk
    EXPECT_EQ(rig.caches.l1d_stats().accesses, accesses);
}

TEST(FastForward, TakesACycleForEachInstructionThatHits) {
    CoreRig rig;
    rig.core.set_execution(Execution::Warming);
    (void)rig.run({step(repeat(3, alu()))});
    EXPECT_EQ(rig.time({step(repeat(3, alu())), step(repeat(4, slow(50)))}), 7U);
}

TEST(FastForward, StopsAtAFaultAndGoesOnWithTheSameAccess) {
    CoreRig rig;
    rig.core.set_execution(Execution::Bare);
    const std::uint64_t loads = rig.core.stats().loads;
    EXPECT_EQ(rig.run({step({load(), store()}, {read(0, data), write(1, unmapped)})}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, unmapped);
    EXPECT_EQ(rig.core.fault().access, FaultAccess::Write);
    const std::uint64_t instructions = rig.core.stats().user_instructions;
    rig.space.map(unmapped, Pfn(0x99000));
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::BatchDone);
    EXPECT_EQ(rig.core.stats().user_instructions, instructions);
    EXPECT_EQ(rig.core.stats().loads, loads + 1);
}

TEST(FastForward, FaultsOnTheSecondPageOfAnAccess) {
    CoreRig rig;
    rig.core.set_execution(Execution::Warming);
    const VirtAddr last = data + data_pages * page_size;
    EXPECT_EQ(rig.run({step({load()}, {read(0, last - 4)})}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, last);
}

TEST(FastForward, FaultsOnAWriteAfterAReadOfTheSamePage) {
    CoreRig rig;
    rig.space.map(unmapped, Pfn(0x99000), PageSize::Page4K,
                  PageTables::page_flags & ~PageTableEntry::Writable);
    rig.core.set_execution(Execution::Bare);
    EXPECT_EQ(rig.run({step({load(), store()}, {read(0, unmapped), write(1, unmapped)})}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().access, FaultAccess::Write);
}

TEST(FastForward, StopsAtItsLimits) {
    CoreRig rig;
    rig.core.set_execution(Execution::Warming);
    const std::uint64_t before = rig.core.stats().user_instructions;
    rig.core.set_instruction_limit(before + 2);
    EXPECT_EQ(rig.run(some_work()), RunExit::InstructionLimit);
    EXPECT_EQ(rig.core.stats().user_instructions, before + 3);
    rig.core.set_instruction_limit(~0ULL);
    EXPECT_EQ(rig.core.run(rig.cursor, rig.core.cycle()), RunExit::CycleLimit);
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::BatchDone);
}

TEST(FastForward, RunsKernelPathsAnInstructionACycle) {
    CoreRig rig;
    rig.core.set_execution(Execution::Bare);
    const Cycles begin = rig.core.cycle();
    const std::uint64_t before = rig.core.stats().kernel_instructions;
    const KernelStep function{.kind = StepKind::Execute, .count = 100, .address = kernel_layout::text_base};
    EXPECT_EQ(rig.core.kernel_execute(function, kernel_memory + page_size, 0, begin + Cycles(40)), 48U);
    EXPECT_EQ(rig.core.kernel_execute(function, kernel_memory + page_size, 48, forever), 100U);
    EXPECT_EQ(rig.core.cycle() - begin, Cycles(100));
    EXPECT_EQ(rig.core.stats().kernel_instructions - before, 100U);
}

TEST(FastForward, ClearsAPageIntoTheCaches) {
    CoreRig rig;
    rig.core.set_execution(Execution::Warming);
    const KernelStep clear{.kind = StepKind::ClearPages, .count = page_size, .address = kernel_memory};
    EXPECT_EQ(rig.core.kernel_clear(clear, 0, forever), page_size);
    const std::uint64_t misses = rig.caches.l1d_stats().misses;
    rig.core.kernel_load(kernel_memory + page_size - line_size);
    EXPECT_EQ(rig.caches.l1d_stats().misses, misses);
}

} // namespace
} // namespace pagewalk::models
