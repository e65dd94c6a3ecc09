#include "base/rng.h"
#include "models/core/core_stats.h"
#include "models/core/pipeline.h"
#include "tests/unit/models/core/core_rig.h"

#include <numeric>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

// All times are from an empty pipeline at cycle 0, where a micro-op of latency L is dispatched at 0, issued
// at 1, complete at 1 + L and committed at 2 + L.

TEST(Pipeline, OneAluOperationTakesThreeCycles) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({alu()})}), 3U);
    EXPECT_EQ(rig.time({step({slow(50)})}), 52U);
}

TEST(Pipeline, DependentOperationsTakeACycleEach) {
    CoreRig rig;
    for (const std::size_t n : {1, 2, 10, 40}) EXPECT_EQ(rig.time({step(repeat(n, alu(1, 1)))}), 2 + n) << n;
}

TEST(Pipeline, DependenceThroughTheSecondDestinationCounts) {
    CoreRig rig;
    MicroOp both = slow(20, 1);
    both.destinations[1] = 2;
    // 21 complete, issued at 21, complete at 22, committed at 23.
    EXPECT_EQ(rig.time({step({both, alu(2, 3)})}), 23U);
    EXPECT_EQ(rig.time({step({both, alu(4, 3)})}), 22U);
}

TEST(Pipeline, IndependentOperationsAreBoundByTheirPorts) {
    CoreRig rig(with_ports(UopClass::IntAlu, "0,1,5"));
    // Operation k issues at 1 + k / 3 and is committed two cycles after.
    EXPECT_EQ(rig.time({step(repeat(30, alu()))}), 3U + 29 / 3);
    EXPECT_EQ(rig.time({step(repeat(31, alu()))}), 3U + 30 / 3);
}

TEST(Pipeline, ClassesShareThePortsTheyHaveInCommon) {
    CoreConfig config = with_ports(UopClass::IntAlu, "1");
    config.ports[static_cast<std::size_t>(UopClass::IntMul)] = "1";
    CoreRig shared(config);
    EXPECT_EQ(shared.time({step({alu(), op(UopClass::IntMul, 1), alu(), op(UopClass::IntMul, 1)})}), 3U + 3);
    config.ports[static_cast<std::size_t>(UopClass::IntMul)] = "2";
    CoreRig apart(config);
    EXPECT_EQ(apart.time({step({alu(), op(UopClass::IntMul, 1), alu(), op(UopClass::IntMul, 1)})}), 3U + 1);
}

TEST(Pipeline, IndependentOperationsAreBoundByDispatch) {
    CoreConfig config = with_ports(UopClass::IntAlu, "0,1,2,3,4,5,6,7");
    config.dispatch_width = 4;
    CoreRig rig(config);
    EXPECT_EQ(rig.time({step(repeat(32, alu()))}), 3U + 31 / 4);
    EXPECT_EQ(rig.time({step(repeat(33, alu()))}), 3U + 32 / 4);
}

TEST(Pipeline, IndependentOperationsAreBoundByCommit) {
    CoreConfig config = with_ports(UopClass::IntAlu, "0,1,2,3,4,5,6,7");
    config.commit_width = 2;
    CoreRig rig(config);
    EXPECT_EQ(rig.time({step(repeat(32, alu()))}), 3U + 31 / 2);
    EXPECT_EQ(rig.time({step(repeat(33, alu()))}), 3U + 32 / 2);
}

TEST(Pipeline, CommitIsInOrder) {
    CoreRig rig;
    EXPECT_EQ(rig.time({step({slow(50), alu()})}), 52U);
}

TEST(Pipeline, FullReorderBufferHoldsTheNextOperation) {
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

TEST(Pipeline, FullSchedulerHoldsTheNextOperation) {
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

TEST(Pipeline, FullLoadQueueHoldsTheNextLoad) {
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

TEST(Pipeline, FullStoreQueueHoldsTheNextStore) {
    CoreConfig config;
    config.store_queue_entries = 1;
    CoreRig small(config);
    const std::vector two{step({store(), store()}, {write(0, data), write(1, data + 64)})};
    // The first is committed at 3 and written 4 cycles later: the second is dispatched at 7.
    EXPECT_EQ(small.time(two), 3 + l1_cycles + 3);
    small.core.settle_stats();
    // Five slots of cycle 0 and all until then are empty.
    EXPECT_EQ(small.core.stats().cpi_stack[0][static_cast<std::size_t>(StallCause::StoreQueue)],
              (5 + (3 + l1_cycles - 1) * 6) / 6);
    config.store_queue_entries = 2;
    CoreRig large(config);
    EXPECT_EQ(large.time(two), 3U);
}

TEST(Pipeline, UnpipelinedOperationsFollowEachOther) {
    CoreRig rig(with_ports(UopClass::IntDiv, "0,1"));
    MicroOp divide = op(UopClass::IntDiv, 18);
    EXPECT_EQ(rig.time({step({divide, divide})}), 1U + 18 + 1);
    divide.pipelined = false;
    EXPECT_EQ(rig.time({step({divide, divide})}), 1U + 18 + 18 + 1);
}

TEST(Pipeline, CpiStackAddsUpToTheCycles) {
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
            (void)rig.core.kernel_execute({StepKind::Execute, 20, 10, 150, kernel_layout::text_base, {}},
                                          kernel_memory + page_size, 0, forever);
            rig.core.kernel_atomic(kernel_memory);
            const VirtAddr page = kernel_memory + rng.below(64) * page_size;
            (void)rig.core.kernel_clear({StepKind::ClearPages, 0, 0, page_size, page, {}}, 0, forever);
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
    EXPECT_EQ(stats.cycles, rig.core.cycle().value());
    for (const StallCause cause :
         {StallCause::Base, StallCause::Branch, StallCause::Memory, StallCause::Dependency})
        EXPECT_GT(stats.cpi_stack[0][static_cast<std::size_t>(cause)], 0U) << static_cast<int>(cause);
}

TEST(Pipeline, NoCauseLosesCyclesBetweenReadings) {
    CoreRig rig;
    Rng rng(1, "readings");
    CoreStats::CpiStack before{};
    constexpr unsigned pages = 200; // more than the first-level TLB has: a wait is the TLB's and the cache's
    const VirtAddr many = data + 0x1000'0000;
    for (unsigned i = 0; i < pages; ++i) rig.space.map(many + i * page_size, Pfn(0x40000 + i));
    for (int reading = 0; reading < 3000; ++reading) {
        const VirtAddr address = many + rng.below(pages) * page_size + rng.below(64) * line_size;
        ASSERT_EQ(rig.run({step({load(1, 1)}, {read(0, address)})}), RunExit::BatchDone);
        rig.core.settle_stats();
        const CoreStats& stats = rig.core.stats();
        const CoreStats::CpiStack& now = stats.cpi_stack[0];
        for (std::size_t cause = 0; cause < now.size(); ++cause)
            ASSERT_GE(now[cause], before[cause]) << cause;
        ASSERT_EQ(std::accumulate(now.begin(), now.end(), std::uint64_t{0}), stats.user_cycles);
        before = now;
    }
}

TEST(Pipeline, IdleCyclesAreChargedToNothing) {
    CoreRig rig;
    rig.core.settle_stats();
    const CoreStats before = rig.core.stats();
    rig.core.idle_until(rig.core.cycle() + Cycles(5000));
    rig.core.settle_stats();
    EXPECT_EQ(rig.core.stats().cycles, before.cycles + 5000);
    EXPECT_EQ(rig.core.stats().user_cycles, before.user_cycles);
    EXPECT_EQ(rig.core.stats().cpi_stack, before.cpi_stack);
}

} // namespace
} // namespace pagewalk::models
