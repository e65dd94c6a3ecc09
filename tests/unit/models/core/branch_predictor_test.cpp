#include "base/rng.h"
#include "models/core/branch_predictor.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

StaticBlock block(std::uint64_t pc, BranchKind kind) {
    StaticBlock b;
    b.pc = VirtAddr(pc);
    b.byte_count = 16;
    b.instruction_count = 4;
    b.branch = kind;
    return b;
}

BranchPredictor make(DirectionPredictor direction) {
    BranchPredictorConfig config;
    config.direction = direction;
    return BranchPredictor(config);
}

/// One execution of a conditional branch; true when it was mispredicted.
bool branch(BranchPredictor& predictor, const StaticBlock& b, bool taken) {
    return predictor.mispredicts(b, taken ? b.pc - 0x100 : b.end());
}

struct EveryDirectionPredictor : testing::TestWithParam<DirectionPredictor> {};

TEST_P(EveryDirectionPredictor, LearnsALoopThatIsAlwaysTaken) {
    BranchPredictor predictor = make(GetParam());
    const StaticBlock loop = block(0x401000, BranchKind::Conditional);
    for (int i = 0; i < 64; ++i) (void)branch(predictor, loop, true);
    const std::uint64_t before = predictor.stats().conditional_missed;
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(branch(predictor, loop, true));
    EXPECT_EQ(predictor.stats().conditional_missed, before);
    EXPECT_EQ(predictor.stats().conditional, 1064U);
}

TEST_P(EveryDirectionPredictor, LearnsABranchThatIsNeverTaken) {
    BranchPredictor predictor = make(GetParam());
    const StaticBlock check = block(0x401000, BranchKind::Conditional);
    for (int i = 0; i < 64; ++i) (void)branch(predictor, check, false);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(branch(predictor, check, false));
}

TEST_P(EveryDirectionPredictor, KeepsABiasedBranchAfterOneSurprise) {
    BranchPredictor predictor = make(GetParam());
    const StaticBlock loop = block(0x401000, BranchKind::Conditional);
    // Long enough that the surprise has left every history.
    for (int i = 0; i < 2000; ++i) (void)branch(predictor, loop, i % 1000 != 999);
    EXPECT_FALSE(branch(predictor, loop, true));
    EXPECT_TRUE(branch(predictor, loop, false));
}

TEST_P(EveryDirectionPredictor, CannotLearnCoinFlips) {
    BranchPredictor predictor = make(GetParam());
    const StaticBlock coin = block(0x401000, BranchKind::Conditional);
    Rng rng(1, "coin");
    for (int i = 0; i < 20'000; ++i) (void)branch(predictor, coin, (rng.next() & 1) != 0);
    EXPECT_GT(predictor.stats().conditional_missed, 9'000U);
    EXPECT_LT(predictor.stats().conditional_missed, 11'000U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryDirectionPredictor,
                         testing::Values(DirectionPredictor::Bimodal, DirectionPredictor::PrimeBimodal,
                                         DirectionPredictor::Gshare, DirectionPredictor::Tage),
                         [](const auto& param) {
                             return std::string(param.param == DirectionPredictor::Bimodal ? "Bimodal"
                                                : param.param == DirectionPredictor::PrimeBimodal
                                                    ? "PrimeBimodal"
                                                : param.param == DirectionPredictor::Gshare ? "Gshare"
                                                                                            : "Tage");
                         });

TEST(BranchPredictor, BimodalCounterNeedsTwoSurprisesToTurn) {
    BranchPredictor predictor = make(DirectionPredictor::Bimodal);
    const StaticBlock b = block(0x401000, BranchKind::Conditional);
    // The two-bit counter starts weakly taken: taken saturates it, one not taken leaves it taken.
    EXPECT_FALSE(branch(predictor, b, true));
    EXPECT_TRUE(branch(predictor, b, false));
    EXPECT_FALSE(branch(predictor, b, true));
    EXPECT_TRUE(branch(predictor, b, false));
    EXPECT_TRUE(branch(predictor, b, false));
    EXPECT_FALSE(branch(predictor, b, false));
}

TEST(BranchPredictor, FallingThroughIsNotTaken) {
    BranchPredictor predictor = make(DirectionPredictor::Bimodal);
    const StaticBlock b = block(0x401000, BranchKind::Conditional);
    EXPECT_TRUE(predictor.mispredicts(b, VirtAddr(0x401010))); // weakly taken at first
    EXPECT_FALSE(predictor.mispredicts(b, VirtAddr(0x401010)));
}

/// Misses among the last 1000 of 5000 rounds in which a second branch repeats what the first, a coin, did.
std::uint64_t misses_of_correlated(DirectionPredictor direction) {
    BranchPredictor predictor = make(direction);
    const StaticBlock first = block(0x401000, BranchKind::Conditional);
    const StaticBlock second = block(0x402040, BranchKind::Conditional);
    Rng rng(1, "correlated");
    std::uint64_t misses = 0;
    for (int i = 0; i < 5000; ++i) {
        const bool taken = (rng.next() & 1) != 0;
        (void)branch(predictor, first, taken);
        if (branch(predictor, second, taken) && i >= 4000) ++misses;
    }
    return misses;
}

TEST(BranchPredictor, HistoryCorrelatesBranchesAndBimodalDoesNot) {
    EXPECT_GT(misses_of_correlated(DirectionPredictor::Bimodal), 350U);
    // Gshare's 14 bits hold seven rounds: 128 contexts, each seen some 30 times before.
    EXPECT_LT(misses_of_correlated(DirectionPredictor::Gshare), 50U);
    EXPECT_LT(misses_of_correlated(DirectionPredictor::Tage), 100U);
}

/// Misses among the last 100 of 2000 turns of a loop of `length` iterations.
std::uint64_t misses_of_loop(DirectionPredictor direction, int length) {
    BranchPredictor predictor = make(direction);
    const StaticBlock loop = block(0x401000, BranchKind::Conditional);
    std::uint64_t misses = 0;
    for (int turn = 0; turn < 2000; ++turn)
        for (int i = 1; i <= length; ++i)
            if (branch(predictor, loop, i < length) && turn >= 1900) ++misses;
    return misses;
}

TEST(BranchPredictor, GshareLearnsTheEndOfAShortLoop) {
    EXPECT_EQ(misses_of_loop(DirectionPredictor::Gshare, 6), 0U);
    EXPECT_EQ(misses_of_loop(DirectionPredictor::Bimodal, 6), 100U);
}

TEST(BranchPredictor, TageLearnsTheEndOfALongLoop) {
    // 40 iterations need a history of 40 branches: more than gshare's 14 bits, within TAGE's 44.
    EXPECT_EQ(misses_of_loop(DirectionPredictor::Bimodal, 40), 100U);
    EXPECT_EQ(misses_of_loop(DirectionPredictor::Gshare, 40), 100U);
    EXPECT_LE(misses_of_loop(DirectionPredictor::Tage, 40), 5U);
}

TEST(BranchPredictor, DirectJumpsAndPlainBlocksAreNeverMissed) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    EXPECT_FALSE(predictor.mispredicts(block(0x401000, BranchKind::DirectJump), VirtAddr(0x500000)));
    EXPECT_FALSE(predictor.mispredicts(block(0x401000, BranchKind::DirectCall), VirtAddr(0x600000)));
    EXPECT_FALSE(predictor.mispredicts(block(0x401000, BranchKind::None), VirtAddr(0x700000)));
    EXPECT_FALSE(predictor.mispredicts(block(0x401000, BranchKind::Syscall), VirtAddr(0x800000)));
    EXPECT_EQ(predictor.stats().direct, 2U);
}

TEST(BranchPredictor, DirectTargetThatFetchDoesNotKnowIsFoundAtDecodeOrExecution) {
    using enum Prediction::Outcome;
    const StaticBlock jump = block(0x401000, BranchKind::DirectJump);
    BranchPredictorConfig config;
    BranchPredictor predictor(config);
    EXPECT_EQ(predictor.predict(jump, VirtAddr(0x500000)).outcome, RightAtDecode);
    EXPECT_EQ(predictor.predict(jump, VirtAddr(0x500000)).outcome, Right);
    EXPECT_EQ(predictor.stats().targets_unknown, 1U);
    config.unknown_target = UnknownTarget::Execute;
    EXPECT_EQ(BranchPredictor(config).predict(jump, VirtAddr(0x500000)).outcome, Wrong);
    config.btb.levels = {};
    EXPECT_EQ(BranchPredictor(config).predict(jump, VirtAddr(0x500000)).outcome, Right);
}

TEST(BranchPredictor, BranchesBeyondTheBuffersCapacityAreNotKnown) {
    BranchPredictorConfig config;
    config.btb.levels = {{{64, 4, Cycles(0)}, {}, {}}};
    for (const unsigned branches : {64, 128}) {
        BranchPredictor predictor(config);
        for (int round = 0; round < 10; ++round)
            for (unsigned i = 0; i < branches; ++i)
                (void)predictor.predict(block(0x401000 + i, BranchKind::DirectJump), VirtAddr(0x500000));
        EXPECT_EQ(predictor.stats().targets_unknown, branches == 64 ? 64U : 1280U);
    }
}

TEST(BranchPredictor, TakenConditionalNeedsItsTargetToo) {
    using enum Prediction::Outcome;
    BranchPredictorConfig config;
    config.direction = DirectionPredictor::Bimodal;
    BranchPredictor predictor(config);
    const StaticBlock loop = block(0x401000, BranchKind::Conditional);
    EXPECT_EQ(predictor.predict(loop, loop.pc).outcome, RightAtDecode); // weakly taken at first
    EXPECT_EQ(predictor.predict(loop, loop.pc).outcome, Right);
    EXPECT_EQ(predictor.stats().conditional_missed, 0U);
}

TEST(BranchPredictor, BranchThatSharesItsEntryWithAJumpIsPredictedTaken) {
    BranchPredictorConfig config;
    config.direction = DirectionPredictor::PrimeBimodal; // not taken at first
    config.btb.offset_bits = 2;
    BranchPredictor predictor(config);
    const StaticBlock check = block(0x401000, BranchKind::Conditional);
    EXPECT_FALSE(predictor.mispredicts(check, check.end()));
    StaticBlock jump = block(0x401000, BranchKind::DirectJump);
    jump.byte_count = 15; // one byte before it
    (void)predictor.predict(jump, VirtAddr(0x500000));
    EXPECT_TRUE(predictor.mispredicts(check, check.end()));
}

TEST(BranchPredictor, PrimeBimodalStartsStronglyNotTaken) {
    BranchPredictor predictor = make(DirectionPredictor::PrimeBimodal);
    const StaticBlock b = block(0x401000, BranchKind::Conditional);
    EXPECT_TRUE(branch(predictor, b, true));
    EXPECT_TRUE(branch(predictor, b, true));
    EXPECT_FALSE(branch(predictor, b, true));
    // The branch 16381 bytes on, the largest prime below 2^14, has the same counter.
    EXPECT_FALSE(branch(predictor, block(0x401000 + 16381, BranchKind::Conditional), true));
}

TEST(BranchPredictor, IndirectTargetFollowsTheHistoryThatItIsGiven) {
    // A target that the direction of the branch before it tells, and the targets before it do not.
    for (const IndirectHistory history : {IndirectHistory::Targets, IndirectHistory::Directions}) {
        BranchPredictorConfig config;
        config.direction = DirectionPredictor::Bimodal;
        config.indirect_history = history;
        BranchPredictor predictor(config);
        const StaticBlock test = block(0x401000, BranchKind::Conditional);
        const StaticBlock jump = block(0x402000, BranchKind::IndirectJump);
        Rng rng(1, "targets");
        std::uint64_t missed = 0;
        for (int i = 0; i < 60'000; ++i) {
            const bool taken = (rng.next() & 1) != 0;
            (void)branch(predictor, test, taken);
            const bool wrong = predictor.mispredicts(jump, VirtAddr(taken ? 0x500000 : 0x600000));
            if (i >= 50'000 && wrong) ++missed;
        }
        if (history == IndirectHistory::Directions)
            EXPECT_LT(missed, 100U);
        else
            EXPECT_GT(missed, 3'000U);
    }
}

TEST(BranchPredictor, ReturnsGoBackToTheirCalls) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    const StaticBlock outer = block(0x401000, BranchKind::DirectCall);
    const StaticBlock inner = block(0x402000, BranchKind::DirectCall);
    const StaticBlock leave = block(0x403000, BranchKind::Return);
    (void)predictor.mispredicts(outer, inner.pc);
    (void)predictor.mispredicts(inner, leave.pc);
    EXPECT_FALSE(predictor.mispredicts(leave, inner.end()));
    EXPECT_FALSE(predictor.mispredicts(leave, outer.end()));
    EXPECT_EQ(predictor.stats().returns, 2U);
    EXPECT_EQ(predictor.stats().returns_missed, 0U);
}

TEST(BranchPredictor, IndirectCallsReturnToo) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    const StaticBlock call = block(0x401000, BranchKind::IndirectCall);
    const StaticBlock leave = block(0x403000, BranchKind::Return);
    (void)predictor.mispredicts(call, leave.pc);
    EXPECT_FALSE(predictor.mispredicts(leave, call.end()));
}

TEST(BranchPredictor, ReturnElsewhereOrWithoutACallIsMissed) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    const StaticBlock call = block(0x401000, BranchKind::DirectCall);
    const StaticBlock leave = block(0x403000, BranchKind::Return);
    (void)predictor.mispredicts(call, leave.pc);
    EXPECT_TRUE(predictor.mispredicts(leave, VirtAddr(0x777000)));
    EXPECT_TRUE(predictor.mispredicts(leave, call.end()));
    EXPECT_EQ(predictor.stats().returns_missed, 2U);
}

TEST(BranchPredictor, ReturnStackForgetsTheOldestWhenItOverflows) {
    for (const unsigned depth : {4, 5}) {
        BranchPredictorConfig config;
        config.return_stack = 4;
        BranchPredictor predictor(config);
        for (unsigned i = 0; i < depth; ++i)
            (void)predictor.mispredicts(block(0x401000 + 0x100 * i, BranchKind::DirectCall), VirtAddr(1));
        for (unsigned i = depth; i-- > 1;)
            EXPECT_FALSE(predictor.mispredicts(block(0x500000, BranchKind::Return),
                                               VirtAddr(0x401000 + 0x100 * i + 16)));
        EXPECT_EQ(predictor.mispredicts(block(0x500000, BranchKind::Return), VirtAddr(0x401010)), depth == 5);
    }
}

TEST(BranchPredictor, IndirectTargetIsLearntAndItsChangeMissed) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    const StaticBlock jump = block(0x401000, BranchKind::IndirectJump);
    for (int i = 0; i < 64; ++i) (void)predictor.mispredicts(jump, VirtAddr(0x500000));
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(predictor.mispredicts(jump, VirtAddr(0x500000)));
    EXPECT_TRUE(predictor.mispredicts(jump, VirtAddr(0x600000)));
    EXPECT_EQ(predictor.stats().indirect, 165U);
}

TEST(BranchPredictor, IndirectTargetsThatAlternateAreLearnt) {
    BranchPredictor predictor = make(DirectionPredictor::Tage);
    const StaticBlock jump = block(0x401000, BranchKind::IndirectJump);
    for (int i = 0; i < 256; ++i) (void)predictor.mispredicts(jump, VirtAddr(0x500000 + 0x1000 * (i % 3)));
    const std::uint64_t before = predictor.stats().indirect_missed;
    for (int i = 256; i < 512; ++i) (void)predictor.mispredicts(jump, VirtAddr(0x500000 + 0x1000 * (i % 3)));
    EXPECT_EQ(predictor.stats().indirect_missed, before);
}

TEST(BranchPredictorConfig, RefusesATargetTableThatIsNoPowerOfTwo) {
    BranchPredictorConfig config;
    OptionSet options;
    config.declare(options.group("bp"));
    EXPECT_THROW(options.set("bp.target_entries", "3000", "--set"), ConfigError);
    options.set("bp.target_entries", "2048", "--set");
    EXPECT_EQ(config.target_entries, 2048U);
}

} // namespace
} // namespace pagewalk::models
