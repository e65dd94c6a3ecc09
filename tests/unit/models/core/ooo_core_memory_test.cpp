#include "models/core/ooo_core.h"
#include "tests/unit/models/core/core_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

// All times are from an empty pipeline at cycle 0, where a micro-op of latency L is dispatched at 0, issued
// at 1, complete at 1 + L and committed at 2 + L.

TEST(OooCoreMemory, LoadToUseTakesTheCachesLatency) {
    CoreRig rig;
    // Issued at 1, data at 5, its consumer complete at 6, committed at 7.
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data)})}), 1 + l1_cycles + 2);
    EXPECT_EQ(rig.time({step({load(0, 1), alu(2)}, {read(0, data)})}), 1 + l1_cycles + 1);
}

TEST(OooCoreMemory, LoadThatMissesWaitsForMemory) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data + 40 * line_size)})}), 1 + cold_cycles + 2);
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, {read(0, data + 40 * line_size)})}), 1 + l1_cycles + 2);
}

TEST(OooCoreMemory, IndependentMissesOverlapAndDependentOnesDoNot) {
    CoreRig rig;
    const auto miss = [](unsigned i, std::uint64_t line) { return read(i, data + line * line_size); };
    const std::uint64_t one = 1 + cold_cycles + 1;
    EXPECT_LE(rig.time({step({load(0, 1), load(0, 2)}, {miss(0, 20), miss(1, 21)})}), one + 1);
    EXPECT_EQ(rig.time({step({load(0, 1), load(1, 2)}, {miss(0, 22), miss(1, 23)})}), one + cold_cycles);
}

TEST(OooCoreMemory, LoadThatCrossesALineWaitsForBoth) {
    CoreRig rig;
    // The last warm line and the cold one after it; the second half is asked for a cycle later.
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + warm_lines * line_size - 4)})}), 2 + cold_cycles + 1);
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + line_size - 8)})}), 1 + l1_cycles + 1);
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + line_size - 7)})}), 2 + l1_cycles + 1);
}

TEST(OooCoreMemory, StoreForwardsToAYoungerLoadOfItsAddress) {
    CoreConfig config;
    config.forward_latency = Cycles(9);
    CoreRig rig(config);
    // Both issue at 1; the load has the data 9 cycles later.
    EXPECT_EQ(rig.time({step({store(), load()}, {write(0, data), read(1, data)})}), 1U + 9 + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 1U);
    // A store whose value is there at 21 lets it wait.
    EXPECT_EQ(rig.time({step({slow(20, 1), store(1), load()}, {write(1, data), read(2, data)})}),
              21U + 9 + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 2U);
    EXPECT_EQ(rig.time({step({store(), load()}, {write(0, data), read(1, data + 8)})}), 1 + l1_cycles + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 2U);
}

TEST(OooCoreMemory, StoreForwardsOnlyToALoadOfBytesThatItHasWritten) {
    CoreConfig config;
    config.forward_latency = Cycles(9);
    CoreRig rig(config);
    const auto store_then_load = [&](unsigned store_log2, std::uint64_t offset, unsigned load_log2) {
        return rig.time(
            {step({store(), load()}, {write(0, data, store_log2), read(1, data + offset, load_log2)})});
    };
    EXPECT_EQ(store_then_load(3, 4, 2), 1U + 9 + 1);
    EXPECT_EQ(store_then_load(0, 1, 0), 1 + l1_cycles + 1); // the byte beside it
    // Half of what it wants: it waits until the store, committed at 3, is written at 7.
    EXPECT_EQ(store_then_load(2, 0, 3), 3 + l1_cycles + l1_cycles + 1);
    EXPECT_EQ(rig.core.stats().forwarded_loads, 1U);
}

TEST(OooCoreMemory, StoreForwardsUntilItIsWritten) {
    CoreConfig config;
    config.forward_latency = Cycles(9);
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

TEST(OooCoreMemory, LockedUpdatesFollowEachOtherThroughTheCache) {
    // Each waits until the store of the one before has left the queue, and is forwarded nothing.
    Step update = step({load(0, 1), op(UopClass::Serialize, locked_operation_latency, 1, 1), store(1)},
                       {read(0, data), write(0, data)});
    for (MicroOp& uop : update.block.uops) uop.instruction = 0;
    update.block.instruction_count = 1;
    update.instructions = 1;
    CoreRig rig;
    const std::uint64_t few = rig.time(std::vector(10, update)), many = rig.time(std::vector(30, update));
    // The load, the operation, the store's issue and commit, its writing to the cache.
    EXPECT_EQ(many - few, 20 * (l1_cycles + locked_operation_latency + 2 + l1_cycles));
    EXPECT_EQ(rig.core.stats().forwarded_loads, 0U);
}

TEST(OooCoreMemory, StoreThatMissesDoesNotHoldCommit) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({store(), alu()}, {write(0, data + 50 * line_size)})}), 3U);
}

TEST(OooCoreMemory, SerializingOperationWaitsForOlderLoadsAndHoldsYoungerOnes) {
    CoreRig rig;
    // The load misses until 135, the fence takes 10, the load after it hits.
    EXPECT_EQ(rig.time({step({load(), op(UopClass::Serialize, 10), load()},
                             {read(0, data + 40 * line_size), read(2, data)})}),
              1 + cold_cycles + 10 + l1_cycles + 1);
    // Without the fence the load would have been done long before.
    EXPECT_EQ(rig.time({step({load(), load()}, {read(0, data + 41 * line_size), read(1, data)})}),
              1 + cold_cycles + 1);
}

TEST(OooCoreMemory, SerializingOperationWaitsUntilTheStoreQueueIsEmpty) {
    CoreRig rig;
    // The store is committed at 3 and has its line cold_cycles later.
    EXPECT_EQ(rig.time({step({store(), op(UopClass::Serialize, 10)}, {write(0, data + 60 * line_size)})}),
              3 + cold_cycles + 10 + 1);
}

TEST(OooCoreMemory, TlbMissDelaysTheLoadAndIsChargedToTheTlb) {
    CoreRig rig;
    rig.space.map(data + 100 * page_size, Pfn(0x80000)); // the frame of the warm lines
    rig.core.settle_stats();
    const std::uint64_t before = rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Dtlb)];
    // 7 for the second level, 1 for the walk caches, one cold reference.
    EXPECT_EQ(rig.time({step({load()}, {read(0, data + 100 * page_size)})}),
              1 + 7 + 1 + cold_cycles + l1_cycles + 1);
    rig.core.settle_stats();
    EXPECT_EQ(rig.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::Dtlb)] - before,
              7 + 1 + cold_cycles);
}

TEST(OooCoreMemory, LoadThatIsPredicatedOffOnlyComputesItsAddress) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)})}), 2U + 2);
    EXPECT_EQ(rig.core.stats().loads, loads);
}

TEST(OooCoreMemory, ReferenceOfTheOtherKindIsNotTheLoads) {
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

TEST(OooCoreMemory, AccessInPiecesIsOneLoad) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    const std::vector<MemoryReference> pieces{read(0, data), read(0, data + 8), read(0, data + 16),
                                              read(0, data + 24)};
    EXPECT_EQ(rig.time({step({load(0, 1), alu(1)}, pieces)}), 1 + l1_cycles + 2);
    EXPECT_EQ(rig.core.stats().loads, loads + 1);
}

TEST(OooCoreMemory, AccessOfSeveralLinesTouchesEachOnce) {
    CoreRig rig;
    const std::uint64_t stores = rig.core.stats().stores;
    std::vector<MemoryReference> pieces;
    for (unsigned line = 0; line < 5; ++line) pieces.push_back(write(0, data + line * line_size, 6));
    (void)rig.run({step({store(), store()}, pieces)});
    EXPECT_EQ(rig.core.stats().stores, stores + 5);
}

TEST(OooCoreMemory, AccessesThatAreNoPiecesAreLoadsOfTheirOwn) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    // A gather's elements.
    const std::vector<MemoryReference> elements{read(0, data), read(0, data + 128), read(0, data + 64)};
    (void)rig.run({step({load(0, 1), alu(1)}, elements)});
    EXPECT_EQ(rig.core.stats().loads, loads + 3);
}

TEST(OooCoreMemory, AccessesOfTheLastInstructionBeyondItsMicroOpsAreMade) {
    CoreRig rig;
    const std::uint64_t loads = rig.core.stats().loads;
    (void)rig.run({step({alu(), load(0, 1)}, {read(1, data), read(1, data + 128), read(1, data + 64)})});
    EXPECT_EQ(rig.core.stats().loads, loads + 3);
}

} // namespace
} // namespace pagewalk::models
