#include "base/rng.h"
#include "models/core/ooo_core.h"
#include "tests/unit/models/core/core_rig.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

// All times are from an empty pipeline at cycle 0, where a micro-op of latency L is dispatched at 0, issued
// at 1, complete at 1 + L and committed at 2 + L.

/// A conditional branch, not taken, then one operation in the block after it.
std::vector<Step> branch_and_after() {
    Step branch = step({op(UopClass::Branch, 1)});
    branch.block.branch = BranchKind::Conditional;
    return {branch, step({alu()}, {}, branch.block.end())};
}

TEST(OooCore, MispredictionCostsItsPenaltyOnceResolved) {
    CoreConfig config;
    config.branch_predictor.direction = DirectionPredictor::Bimodal;
    CoreRig rig(config);
    // Weakly taken at first. The branch is complete at 2; the right path is dispatched 12 + 5 cycles later
    // and its operation committed 3 after that.
    EXPECT_EQ(rig.time(branch_and_after()), 2U + 12 + 5 + 3);
    EXPECT_EQ(rig.core.stats().branch_misses, 1U);
    // Nothing is dispatched from 1 to 18, and in five of the six slots of cycle 0.
    rig.core.settle_stats();
    EXPECT_EQ(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Branch)], (18U * 6 + 5) / 6);
    // Learnt: the next block is fetched the cycle after.
    EXPECT_EQ(rig.time(branch_and_after()), 1U + 3);
    EXPECT_EQ(rig.core.stats().branch_misses, 1U);
}

TEST(OooCore, MispredictionWaitsForTheBranchesOperands) {
    CoreConfig config;
    config.branch_predictor.direction = DirectionPredictor::Bimodal;
    CoreRig rig(config);
    std::vector<Step> steps = branch_and_after();
    steps[0].block.uops.insert(steps[0].block.uops.begin(), slow(50, 1));
    steps[0].block.uops[1].sources[0] = 1;
    steps[0].block.uops[1].instruction = 1;
    steps[0].block.instruction_count = 2;
    steps[0].instructions = 2;
    EXPECT_EQ(rig.time(steps), 51U + 1 + 12 + 5 + 3);
}

TEST(OooCore, MispredictedBranchWaitsForThoseBeforeItWhereTheyAreInOrder) {
    for (const BranchOrder order : {BranchOrder::AnyOrder, BranchOrder::InOrder}) {
        CoreConfig config;
        config.branch_predictor.direction = DirectionPredictor::Bimodal;
        config.branch_order = order;
        CoreRig rig(config);
        // A branch that waits for a slow operation, then, in the next cycle, the one that is missed.
        std::vector<Step> steps = branch_and_after();
        steps.insert(steps.begin(), step({slow(50, 1), op(UopClass::Branch, 1, 1)}));
        steps[0].block.branch = BranchKind::DirectJump;
        const std::uint64_t resolved = order == BranchOrder::InOrder ? 51 + 1 + 1 : 2 + 1;
        EXPECT_EQ(rig.time(steps), std::max<std::uint64_t>(resolved + 12 + 5 + 3, 53));
    }
}

TEST(OooCore, ForgottenBlockIsNotPredicted) {
    CoreConfig config;
    config.branch_predictor.direction = DirectionPredictor::Bimodal;
    CoreRig rig(config);
    std::vector<Step> steps = branch_and_after();
    (void)rig.run({steps[0]});
    rig.core.forget_previous_block();
    (void)rig.run({steps[1]});
    EXPECT_EQ(rig.core.stats().branch_misses, 0U);
}

TEST(OooCore, BlockIsFetchedTheCycleAfterTheOneBefore) {
    CoreRig rig;
    std::vector<Step> steps;
    for (unsigned i = 0; i < 10; ++i) steps.push_back(step({alu()}, {}, code + 16 * i));
    EXPECT_EQ(rig.time(steps), 9U + 3);
    // Seven instructions take two cycles of fetch at six a cycle.
    EXPECT_EQ(rig.time({step(repeat(7, op(UopClass::Nop, 0))), step({alu()}, {}, code + 16)}), 2U + 3);
    EXPECT_EQ(rig.time({step(repeat(6, op(UopClass::Nop, 0))), step({alu()}, {}, code + 16)}), 1U + 3);
}

TEST(OooCore, InstructionCacheMissHoldsTheFrontEnd) {
    CoreRig rig;
    // A line of the second code page: its page walk has a cold reference or none, so touch the page first.
    (void)rig.run({step({alu()}, {}, code + page_size)});
    // A hit's four cycles are pipelined away.
    EXPECT_EQ(rig.time({step({alu()}, {}, code + page_size + line_size)}), cold_cycles - l1_cycles + 3);
    EXPECT_EQ(rig.time({step({alu()}, {}, code + page_size + line_size)}), 3U);
    rig.core.settle_stats();
    EXPECT_GE(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::ICache)],
              cold_cycles - l1_cycles);
}

TEST(OooCore, PageFaultStopsAtItsMicroOpAndGoesOnFromIt) {
    CoreRig rig;
    const VirtAddr missing = data + 64 * page_size;
    const CoreStats before = rig.core.stats();
    EXPECT_EQ(
        rig.run({step({store(), load(0, 1), store(1)}, {write(0, data), read(1, missing), write(2, data)})}),
        RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, missing);
    EXPECT_EQ(rig.core.fault().access, FaultAccess::Read);
    EXPECT_EQ(rig.cursor.uop, 1U);
    EXPECT_EQ(rig.cursor.reference, 1U);
    EXPECT_EQ(rig.core.stats().stores, before.stores + 1);
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::Fault); // still missing
    rig.space.map(missing, Pfn(0x88000));
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::BatchDone);
    EXPECT_EQ(rig.core.stats().stores, before.stores + 2);
    EXPECT_EQ(rig.core.stats().loads, before.loads + 1);
    EXPECT_EQ(rig.core.stats().user_instructions, before.user_instructions + 3);
    EXPECT_EQ(rig.core.stats().user_uops, before.user_uops + 3);
}

TEST(OooCore, StoreToAReadOnlyPageFaultsAsAWrite) {
    CoreRig rig;
    const VirtAddr page = data + 64 * page_size;
    rig.space.map(page, Pfn(0x88000), PageSize::Page4K, PageTables::page_flags & ~PageTableEntry::Writable);
    EXPECT_EQ(rig.run({step({store()}, {write(0, page + 24)})}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, page + 24);
    EXPECT_EQ(rig.core.fault().access, FaultAccess::Write);
}

TEST(OooCore, SecondPageOfAnAccessFaultsAtItsStart) {
    CoreRig rig;
    const VirtAddr edge = data + data_pages * page_size;
    EXPECT_EQ(rig.run({step({load()}, {read(0, edge - 4)})}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, edge);
}

TEST(OooCore, FetchFromAMissingPageFaultsBeforeTheBlock) {
    CoreRig rig;
    const VirtAddr missing = code + 64 * page_size;
    const std::uint64_t before = rig.core.stats().user_instructions;
    EXPECT_EQ(rig.run({step({alu()}, {}, missing + 8)}), RunExit::Fault);
    EXPECT_EQ(rig.core.fault().address, missing + 8);
    EXPECT_EQ(rig.core.fault().access, FaultAccess::Execute);
    EXPECT_EQ(rig.core.stats().user_instructions, before);
    rig.space.map(missing, Pfn(0x91000));
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::BatchDone);
    EXPECT_EQ(rig.core.stats().user_instructions, before + 1);
}

TEST(OooCore, BlockThatIsCutShortExecutesItsHead) {
    CoreRig rig;
    const CoreStats before = rig.core.stats();
    Step cut = step({alu(), load(), store()}, {read(1, data)});
    cut.instructions = 2;
    (void)rig.run({cut});
    EXPECT_EQ(rig.core.stats().user_instructions, before.user_instructions + 2);
    EXPECT_EQ(rig.core.stats().user_uops, before.user_uops + 2);
    EXPECT_EQ(rig.core.stats().loads, before.loads + 1);
}

TEST(OooCore, InstructionLimitStopsAtTheFirstBlockEndThatReachesIt) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().user_instructions;
    std::vector<Step> steps;
    for (unsigned i = 0; i < 4; ++i) steps.push_back(step(repeat(3, alu()), {}, code + 16 * i));
    rig.core.set_instruction_limit(before + 4);
    EXPECT_EQ(rig.run(steps), RunExit::InstructionLimit);
    EXPECT_EQ(rig.core.stats().user_instructions, before + 6);
    rig.core.set_instruction_limit(before + 6);
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::InstructionLimit);
    rig.core.set_instruction_limit(before + 7);
    EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::InstructionLimit);
    EXPECT_EQ(rig.core.stats().user_instructions, before + 9);
}

TEST(OooCore, StopsOnceBeforeEachBlockThatHoldsTheWatchedInstruction) {
    CoreRig rig;
    const Step first = step(repeat(3, alu())), second = step(repeat(3, alu()), {}, code + 16);
    rig.core.watch(code + 18);
    for (const Execution execution : {Execution::Detailed, Execution::Bare}) {
        rig.core.set_execution(execution);
        const std::uint64_t before = rig.core.stats().user_instructions;
        const std::uint64_t times = rig.core.times_watched();
        EXPECT_EQ(rig.run({first, second, second, first}), RunExit::Watched);
        EXPECT_EQ(rig.core.stats().user_instructions, before + 3);
        EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::Watched);
        EXPECT_EQ(rig.core.stats().user_instructions, before + 6);
        EXPECT_EQ(rig.core.run(rig.cursor, forever), RunExit::BatchDone);
        EXPECT_EQ(rig.core.times_watched(), times + 2);
    }
}

TEST(OooCore, CycleLimitStopsAtTheFirstBlockEndThatReachesIt) {
    CoreRig rig;
    const std::vector steps{step({slow(50)}), step({alu()}, {}, code + 16)};
    const Cycles begin = rig.core.cycle();
    EXPECT_EQ(rig.run(steps, begin + Cycles(52)), RunExit::CycleLimit);
    EXPECT_EQ(rig.core.cycle(), begin + Cycles(52));
    EXPECT_EQ(rig.cursor.block, 1U);
    EXPECT_EQ(rig.core.run(rig.cursor, begin + Cycles(53)), RunExit::BatchDone);
}

TEST(OooCore, IterationsOfARepeatedInstructionCountOnce) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().user_instructions;
    Step iteration = step({load(0, 1), store(1)}, {read(0, data), write(0, data + 512)});
    iteration.block.uops[1].instruction = 0;
    iteration.instructions = iteration.block.instruction_count = 1;
    iteration.block.byte_count = 2;
    iteration.block.lengths = {2};
    iteration.block.rep_continuation = true;
    (void)rig.run({iteration, iteration, iteration});
    EXPECT_EQ(rig.core.stats().user_instructions, before + 1);
    // Another one elsewhere is an instruction of its own.
    iteration.block.pc = code + 32;
    (void)rig.run({iteration});
    EXPECT_EQ(rig.core.stats().user_instructions, before + 2);
}

TEST(OooCore, BlockWithoutMicroOpsIsDecoded) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().user_uops;
    Step add = step({}, {read(0, data), write(0, data)});
    add.block.bytes = {0x48, 0x01, 0x03}; // add [rbx], rax
    add.block.lengths = {3};
    add.instructions = add.block.instruction_count = 1;
    (void)rig.run({add});
    EXPECT_EQ(rig.core.stats().user_uops, before + 3);
}

TEST(OooCore, SameInputTakesTheSameCycles) {
    const auto run = [] {
        CoreRig rig;
        Rng rng(7, "repeat");
        for (int i = 0; i < 200; ++i)
            (void)rig.run(
                {step({load(1, 2), alu(2, 1)}, {read(0, data + rng.below(data_pages * page_size - 8))})});
        return rig.core.cycle();
    };
    EXPECT_EQ(run(), run());
}

} // namespace
} // namespace pagewalk::models
