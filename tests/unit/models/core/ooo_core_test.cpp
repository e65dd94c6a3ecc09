#include "base/rng.h"
#include "models/core/ooo_core.h"
#include "tests/unit/models/core/core_rig.h"

#include <numeric>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

// All times are from an empty pipeline at cycle 0, where a micro-op of latency L is dispatched at 0, issued
// at 1, complete at 1 + L and committed at 2 + L.

CoreConfig with_ports(UopClass cls, const char* ports) {
    CoreConfig config;
    config.ports[static_cast<std::size_t>(cls)] = ports;
    return config;
}
std::vector<MicroOp> repeat(std::size_t n, const MicroOp& uop) { return std::vector<MicroOp>(n, uop); }

MicroOp slow(unsigned latency, RegisterId destination = 0) {
    return op(UopClass::IntMul, latency, 0, destination);
}

TEST(OooCore, OneAluOperationTakesThreeCycles) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({alu()})}), 3U);
    EXPECT_EQ(rig.time({step({slow(50)})}), 52U);
}

TEST(OooCore, DependentOperationsTakeACycleEach) {
    CoreRig rig;
    for (const std::size_t n : {1, 2, 10, 40}) EXPECT_EQ(rig.time({step(repeat(n, alu(1, 1)))}), 2 + n) << n;
}

TEST(OooCore, DependenceThroughTheSecondDestinationCounts) {
    CoreRig rig;
    MicroOp both = slow(20, 1);
    both.destinations[1] = 2;
    // 21 complete, issued at 21, complete at 22, committed at 23.
    EXPECT_EQ(rig.time({step({both, alu(2, 3)})}), 23U);
    EXPECT_EQ(rig.time({step({both, alu(4, 3)})}), 22U);
}

TEST(OooCore, IndependentOperationsAreBoundByTheirPorts) {
    CoreRig rig(with_ports(UopClass::IntAlu, "0,1,5"));
    // Operation k issues at 1 + k / 3 and is committed two cycles after.
    EXPECT_EQ(rig.time({step(repeat(30, alu()))}), 3U + 29 / 3);
    EXPECT_EQ(rig.time({step(repeat(31, alu()))}), 3U + 30 / 3);
}

TEST(OooCore, ClassesShareThePortsTheyHaveInCommon) {
    CoreConfig config = with_ports(UopClass::IntAlu, "1");
    config.ports[static_cast<std::size_t>(UopClass::IntMul)] = "1";
    CoreRig shared(config);
    EXPECT_EQ(shared.time({step({alu(), op(UopClass::IntMul, 1), alu(), op(UopClass::IntMul, 1)})}), 3U + 3);
    config.ports[static_cast<std::size_t>(UopClass::IntMul)] = "2";
    CoreRig apart(config);
    EXPECT_EQ(apart.time({step({alu(), op(UopClass::IntMul, 1), alu(), op(UopClass::IntMul, 1)})}), 3U + 1);
}

TEST(OooCore, IndependentOperationsAreBoundByDispatch) {
    CoreConfig config = with_ports(UopClass::IntAlu, "0,1,2,3,4,5,6,7");
    config.dispatch_width = 4;
    CoreRig rig(config);
    EXPECT_EQ(rig.time({step(repeat(32, alu()))}), 3U + 31 / 4);
    EXPECT_EQ(rig.time({step(repeat(33, alu()))}), 3U + 32 / 4);
}

TEST(OooCore, IndependentOperationsAreBoundByCommit) {
    CoreConfig config = with_ports(UopClass::IntAlu, "0,1,2,3,4,5,6,7");
    config.commit_width = 2;
    CoreRig rig(config);
    EXPECT_EQ(rig.time({step(repeat(32, alu()))}), 3U + 31 / 2);
    EXPECT_EQ(rig.time({step(repeat(33, alu()))}), 3U + 32 / 2);
}

TEST(OooCore, CommitIsInOrder) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({slow(50), alu()})}), 52U);
}

TEST(OooCore, FullReorderBufferHoldsTheNextOperation) {
    CoreConfig config;
    config.rob_entries = 8;
    CoreRig rig(config);
    const auto behind_a_slow_one = [](std::size_t n) {
        std::vector<MicroOp> uops = repeat(n, alu());
        uops.insert(uops.begin(), slow(50));
        return std::vector{step(std::move(uops))};
    };
    // Eight fit and commit with the slow one at 52 (commit width 8); the ninth is dispatched then.
    EXPECT_EQ(rig.time(behind_a_slow_one(7)), 52U);
    EXPECT_EQ(rig.time(behind_a_slow_one(8)), 52U + 3);
}

TEST(OooCore, FullSchedulerHoldsTheNextOperation) {
    const std::vector<MicroOp> uops{slow(50, 1), alu(1), alu(1), alu()};
    // The slow one issues at 1 and leaves; its two consumers fill a scheduler of two until they issue at 51,
    // when the last is dispatched. They commit at 53, it at 54.
    CoreConfig config;
    config.scheduler_entries = 2;
    CoreRig small(config);
    EXPECT_EQ(small.time({step(uops)}), 51U + 3);
    config.scheduler_entries = 3;
    CoreRig large(config);
    EXPECT_EQ(large.time({step(uops)}), 53U);
}

TEST(OooCore, FullLoadQueueHoldsTheNextLoad) {
    CoreConfig config;
    config.load_queue_entries = 2;
    CoreRig rig(config);
    // Loads leave at commit, here behind a slow operation at 52; the third is dispatched then, issued at 53,
    // has its data at 57 and is committed at 58.
    EXPECT_EQ(rig.time({step({slow(50), load(), load()}, {read(1, data), read(2, data)})}), 52U);
    EXPECT_EQ(
        rig.time({step({slow(50), load(), load(), load()}, {read(1, data), read(2, data), read(3, data)})}),
        52U + 2 + l1_cycles);
}

TEST(OooCore, FullStoreQueueHoldsTheNextStore) {
    CoreConfig config;
    config.store_queue_entries = 1;
    CoreRig small(config);
    const std::vector two{step({store(), store()}, {write(0, data), write(1, data + 64)})};
    // The first is committed at 3 and written 4 cycles later: the second is dispatched at 7.
    EXPECT_EQ(small.time(two), 3 + l1_cycles + 3);
    EXPECT_EQ(small.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::StoreQueue)], l1_cycles);
    config.store_queue_entries = 2;
    CoreRig large(config);
    EXPECT_EQ(large.time(two), 3U);
}

TEST(OooCore, LoadToUseTakesTheCachesLatency) {
    CoreRig rig;
    // Issued at 1, data at 5, its consumer complete at 6, committed at 7.
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data)})}), 1 + l1_cycles + 2);
    EXPECT_EQ(rig.time({step({load(0, 1), alu(2)}, {read(0, data)})}), 1 + l1_cycles + 1);
}

TEST(OooCore, LoadThatMissesWaitsForMemory) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data + 40 * line_size)})}), 1 + cold_cycles + 2);
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data + 40 * line_size)})}), 1 + l1_cycles + 2);
}

TEST(OooCore, IndependentMissesOverlapAndDependentOnesDoNot) {
    CoreRig rig;
    const auto miss = [](unsigned i, std::uint64_t line) { return read(i, data + line * line_size); };
    const std::uint64_t one = 1 + cold_cycles + 1;
    EXPECT_LE(rig.time({step({load(0, 1), load(0, 2)}, {miss(0, 20), miss(1, 21)})}), one + 1);
    EXPECT_EQ(rig.time({step({load(0, 1), load(1, 2)}, {miss(0, 22), miss(1, 23)})}), one + cold_cycles);
}

TEST(OooCore, LoadThatCrossesALineWaitsForBoth) {
    CoreRig rig;
    // The last warm line and the cold one after it; the second half is asked for a cycle later.
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + warm_lines * line_size - 4)})}), 2 + cold_cycles + 1);
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + line_size - 8)})}), 1 + l1_cycles + 1);
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + line_size - 7)})}), 2 + l1_cycles + 1);
}

TEST(OooCore, StoreForwardsToAYoungerLoadOfItsAddress) {
    CoreConfig config;
    config.forward_latency = 9;
    CoreRig rig(config);
    // The store's data is there at 2; the load has it 9 cycles later.
    EXPECT_EQ(rig.time({step({store(), load()}, {write(0, data), read(1, data)})}), 2U + 9 + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 1U);
    EXPECT_EQ(rig.time({step({store(), load()}, {write(0, data), read(1, data + 8)})}), 1 + l1_cycles + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 1U);
}

TEST(OooCore, StoreForwardsUntilItIsWritten) {
    CoreConfig config;
    config.forward_latency = 9;
    // The store is committed at 3 and written at 7. A load that an operation of latency L holds back issues
    // at 1 + L: at 6 it is forwarded, at 7 it reads the cache.
    for (const unsigned latency : {5, 6}) {
        CoreRig rig(config);
        const std::uint64_t cycles =
            rig.time({step({store(), slow(latency, 1), load(1)}, {write(0, data), read(2, data)})});
        EXPECT_EQ(cycles, 1 + latency + (latency == 5 ? 9 : l1_cycles) + 1) << latency;
        EXPECT_EQ(rig.core.stats().forwarded_loads, latency == 5 ? 1U : 0U) << latency;
    }
}

TEST(OooCore, StoreThatMissesDoesNotHoldCommit) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({store(), alu()}, {write(0, data + 50 * line_size)})}), 3U);
}

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
    EXPECT_EQ(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Branch)], 12U + 5 - 1);
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

TEST(OooCore, UnpipelinedOperationsFollowEachOther) {
    CoreRig rig(with_ports(UopClass::IntDiv, "0,1"));
    MicroOp divide = op(UopClass::IntDiv, 18);
    EXPECT_EQ(rig.time({step({divide, divide})}), 1U + 18 + 1);
    divide.pipelined = false;
    EXPECT_EQ(rig.time({step({divide, divide})}), 1U + 18 + 18 + 1);
}

TEST(OooCore, SerializingOperationWaitsForOlderLoadsAndHoldsYoungerOnes) {
    CoreRig rig;
    // The load misses until 135, the fence takes 10, the load after it hits.
    EXPECT_EQ(rig.time({step({load(), op(UopClass::Serialize, 10), load()},
                             {read(0, data + 40 * line_size), read(2, data)})}),
              1 + cold_cycles + 10 + l1_cycles + 1);
    // Without the fence the load would have been done long before.
    EXPECT_EQ(rig.time({step({load(), load()}, {read(0, data + 41 * line_size), read(1, data)})}),
              1 + cold_cycles + 1);
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
    EXPECT_GE(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::ICache)],
              cold_cycles - l1_cycles);
}

TEST(OooCore, TlbMissDelaysTheLoadAndIsChargedToTheTlb) {
    CoreRig rig;
    rig.space.map(data + 100 * page_size, Pfn(0x80000)); // the frame of the warm lines
    const std::uint64_t before = rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Dtlb)];
    // 7 for the second level, 1 for the walk caches, one cold reference.
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + 100 * page_size)})}),
              1 + 7 + 1 + cold_cycles + l1_cycles + 1);
    EXPECT_EQ(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Dtlb)] - before,
              7 + 1 + cold_cycles);
}

TEST(OooCore, LoadThatIsPredicatedOffOnlyComputesItsAddress) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)})}), 2U + 2);
    EXPECT_EQ(rig.core.stats().loads, loads);
}

TEST(OooCore, ReferenceOfTheOtherKindIsNotTheLoads) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads, stores = rig.core.stats().stores;
    // The load of a compare-and-exchange whose source reports the store alone.
    Step exchange = step({load(0, 1), store(1)}, {write(0, data)});
    exchange.block.uops[1].instruction = 0;
    exchange.instructions = exchange.block.instruction_count = 1;
    (void)rig.run({exchange});
    EXPECT_EQ(rig.core.stats().loads, loads);
    EXPECT_EQ(rig.core.stats().stores, stores + 1);
}

TEST(OooCore, AccessInPiecesIsOneLoad) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    const std::vector<MemoryReference> pieces{read(0, data), read(0, data + 8), read(0, data + 16),
                                              read(0, data + 24)};
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, pieces)}), 1 + l1_cycles + 2);
    EXPECT_EQ(rig.core.stats().loads, loads + 1);
}

TEST(OooCore, AccessesThatAreNoPiecesAreLoadsOfTheirOwn) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    // A gather's elements.
    const std::vector<MemoryReference> elements{read(0, data), read(0, data + 128), read(0, data + 64)};
    (void)rig.run({step({load(0, 1), alu(1)}, elements)});
    EXPECT_EQ(rig.core.stats().loads, loads + 3);
}

TEST(OooCore, AccessesOfTheLastInstructionBeyondItsMicroOpsAreMade) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    (void)rig.run({step({alu(), load(0, 1)}, {read(1, data), read(1, data + 128), read(1, data + 64)})});
    EXPECT_EQ(rig.core.stats().loads, loads + 3);
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
    EXPECT_EQ(rig.core.run(rig.cursor, ~0ULL), RunExit::Fault); // still missing
    rig.space.map(missing, Pfn(0x88000));
    EXPECT_EQ(rig.core.run(rig.cursor, ~0ULL), RunExit::BatchDone);
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
    EXPECT_EQ(rig.core.run(rig.cursor, ~0ULL), RunExit::BatchDone);
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
    EXPECT_EQ(rig.core.run(rig.cursor, ~0ULL), RunExit::InstructionLimit);
    rig.core.set_instruction_limit(before + 7);
    EXPECT_EQ(rig.core.run(rig.cursor, ~0ULL), RunExit::InstructionLimit);
    EXPECT_EQ(rig.core.stats().user_instructions, before + 9);
}

TEST(OooCore, CycleLimitStopsAtTheFirstBlockEndThatReachesIt) {
    CoreRig rig;
    const std::vector steps{step({slow(50)}), step({alu()}, {}, code + 16)};
    const std::uint64_t begin = rig.core.cycle();
    EXPECT_EQ(rig.run(steps, begin + 52), RunExit::CycleLimit);
    EXPECT_EQ(rig.core.cycle(), begin + 52);
    EXPECT_EQ(rig.cursor.block, 1U);
    EXPECT_EQ(rig.core.run(rig.cursor, begin + 53), RunExit::BatchDone);
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

TEST(OooCore, EnteringAndLeavingTheKernelCostThePenaltyEach) {
    CoreRig rig;
    const std::uint64_t begin = rig.core.cycle();
    const std::uint64_t exception =
        rig.core.stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Exception)];
    rig.core.enter_kernel();
    EXPECT_EQ(rig.core.cycle(), begin + 30);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.cycle(), begin + 60);
    EXPECT_EQ(rig.core.stats().kernel_cycles, 60U);
    EXPECT_EQ(rig.core.stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Exception)], exception + 60);
}

/// Cycles that `work` takes in the kernel, from an empty pipeline.
template <class Work>
std::uint64_t kernel_time(CoreRig& rig, Work work) {
    rig.core.enter_kernel();
    rig.drain();
    const std::uint64_t begin = rig.core.cycle();
    work();
    const std::uint64_t cycles = rig.core.cycle() - begin;
    rig.core.leave_kernel();
    return cycles;
}

TEST(OooCore, KernelLoadsFollowEachOther) {
    CoreRig rig;
    EXPECT_EQ(kernel_time(rig,
                          [&] {
                              rig.core.kernel_load(kernel_memory);
                              rig.core.kernel_load(kernel_memory + line_size);
                          }),
              1 + 2 * l1_cycles + 1);
}

TEST(OooCore, KernelAtomicLoadsSerializesAndStores) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().stores;
    // Load 1 to 5, locked operation of 18 to 23, store complete at 24.
    EXPECT_EQ(kernel_time(rig, [&] { rig.core.kernel_atomic(kernel_memory); }), 1 + l1_cycles + 18 + 1 + 1);
    EXPECT_EQ(rig.core.stats().stores, before + 1);
    EXPECT_EQ(rig.core.stats().kernel_instructions, 1U);
}

TEST(OooCore, ClearingAPageStoresEachLine) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().stores;
    rig.core.enter_kernel();
    rig.core.kernel_clear(kernel_memory, page_size);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().stores - before, page_size / line_size);
    EXPECT_EQ(rig.core.stats().kernel_instructions, 1U);
}

TEST(OooCore, CopyingAPageLoadsAndStoresEachLine) {
    CoreRig rig;
    const CoreStats before = rig.core.stats();
    rig.core.enter_kernel();
    rig.core.kernel_copy(kernel_memory, kernel_memory + page_size, page_size);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().loads - before.loads, page_size / line_size);
    EXPECT_EQ(rig.core.stats().stores - before.stores, page_size / line_size);
}

TEST(OooCore, KernelTextCountsItsInstructionsLoadsAndStores) {
    CoreRig rig;
    const CoreStats before = rig.core.stats();
    const KernelStep work{StepKind::Execute, 30, 20, 100, kernel_layout::text_base, {}};
    rig.core.enter_kernel();
    rig.core.kernel_execute(work, kernel_memory + page_size);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().kernel_instructions, 100U);
    EXPECT_EQ(rig.core.stats().kernel_uops, 100U);
    EXPECT_EQ(rig.core.stats().loads - before.loads, 30U);
    EXPECT_EQ(rig.core.stats().stores - before.stores, 20U);
    EXPECT_EQ(rig.core.stats().user_instructions, before.user_instructions);
}

TEST(OooCore, KernelTextIsMispredictedAtItsInterval) {
    CoreConfig config;
    config.kernel_mispredict_interval = 0;
    CoreRig never(config);
    config.kernel_mispredict_interval = 200;
    CoreRig sometimes(config);
    const KernelStep work{StepKind::Execute, 0, 0, 2000, kernel_layout::text_base, {}};
    const auto run_twice = [&](CoreRig& rig) {
        (void)kernel_time(rig, [&] { rig.core.kernel_execute(work, kernel_memory + page_size); }); // warm
        return kernel_time(rig, [&] { rig.core.kernel_execute(work, kernel_memory + page_size); });
    };
    const std::uint64_t plain = run_twice(never);
    const std::uint64_t missed = run_twice(sometimes);
    // Nine take effect within the run, each 17 cycles after the commit before it.
    EXPECT_GE(missed, plain + 9 * 17);
    EXPECT_LE(missed, plain + 10 * (17 + 6));
}

TEST(OooCore, CpiStackAddsUpToTheCycles) {
    CoreRig rig;
    Rng rng(1, "mix");
    for (int round = 0; round < 300; ++round) {
        std::vector<Step> steps;
        for (unsigned b = 0; b < 5; ++b) {
            std::vector<MicroOp> uops;
            std::vector<MemoryReference> references;
            for (unsigned i = 0; i < 12; ++i) {
                const auto from = static_cast<RegisterId>(1 + rng.below(8));
                const auto to = static_cast<RegisterId>(1 + rng.below(8));
                const VirtAddr address = data + rng.below(data_pages * page_size - 8);
                switch (rng.below(5)) {
                case 0:
                    uops.push_back(load(from, to));
                    references.push_back(read(i, address));
                    break;
                case 1:
                    uops.push_back(store(from));
                    references.push_back(write(i, address));
                    break;
                case 2:
                    uops.push_back(op(UopClass::IntMul, 3, from, to));
                    break;
                default:
                    uops.push_back(alu(from, to));
                }
            }
            uops.push_back(op(UopClass::Branch, 1, 1));
            steps.push_back(step(uops, references, code + rng.below(256) * 16));
            steps.back().block.branch = BranchKind::IndirectJump;
        }
        EXPECT_EQ(rig.run(steps), RunExit::BatchDone);
        if (round % 10 == 0) {
            rig.core.enter_kernel();
            rig.core.kernel_execute({StepKind::Execute, 20, 10, 150, kernel_layout::text_base, {}},
                                    kernel_memory + page_size);
            rig.core.kernel_atomic(kernel_memory);
            rig.core.kernel_clear(kernel_memory + rng.below(64) * page_size, page_size);
            rig.core.leave_kernel();
        }
    }
    rig.core.settle_stats();
    const CoreStats& stats = rig.core.stats();
    const auto sum = [](const auto& stack) {
        return std::accumulate(stack.begin(), stack.end(), std::uint64_t{0});
    };
    EXPECT_EQ(sum(stats.cpi_stack[0]), stats.user_cycles);
    EXPECT_EQ(sum(stats.cpi_stack[1]), stats.kernel_cycles);
    EXPECT_EQ(stats.user_cycles + stats.kernel_cycles, stats.cycles);
    EXPECT_EQ(stats.cycles, rig.core.cycle());
    for (const StallCause cause :
         {StallCause::Base, StallCause::Branch, StallCause::Memory, StallCause::Dependency})
        EXPECT_GT(stats.cpi_stack[0][static_cast<std::size_t>(cause)], 0U) << static_cast<int>(cause);
}

TEST(OooCore, IdleCyclesAreChargedToNothing) {
    CoreRig rig;
    rig.core.settle_stats();
    const CoreStats before = rig.core.stats();
    rig.core.idle_until(rig.core.cycle() + 5000);
    rig.core.settle_stats();
    EXPECT_EQ(rig.core.stats().cycles, before.cycles + 5000);
    EXPECT_EQ(rig.core.stats().user_cycles, before.user_cycles);
    EXPECT_EQ(rig.core.stats().cpi_stack, before.cpi_stack);
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
