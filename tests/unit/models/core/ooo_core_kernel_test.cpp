#include "models/core/ooo_core.h"
#include "tests/unit/models/core/core_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

// All times are from an empty pipeline at cycle 0, where a micro-op of latency L is dispatched at 0, issued
// at 1, complete at 1 + L and committed at 2 + L.

TEST(OooCoreKernel, EnteringAndLeavingTheKernelCostThePenaltyEach) {
    CoreRig rig;
    const Cycles begin = rig.core.cycle();
    const std::uint64_t exception =
        rig.core.stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Exception)];
    rig.core.enter_kernel();
    EXPECT_EQ(rig.core.cycle(), begin + Cycles(30));
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.cycle(), begin + Cycles(60));
    rig.core.settle_stats();
    EXPECT_EQ(rig.core.stats().kernel_cycles, 60U);
    EXPECT_EQ(rig.core.stats().cpi_stack[1][static_cast<std::size_t>(StallCause::Exception)], exception + 60);
}

/// Cycles that `work` takes in the kernel, from an empty pipeline.
template <class Work>
std::uint64_t kernel_time(CoreRig& rig, Work work) {
    rig.core.enter_kernel();
    rig.drain();
    const Cycles begin = rig.core.cycle();
    work();
    const std::uint64_t cycles = (rig.core.cycle() - begin).value();
    rig.core.leave_kernel();
    return cycles;
}

TEST(OooCoreKernel, KernelLoadsFollowEachOther) {
    CoreRig rig;
    EXPECT_EQ(kernel_time(rig,
                          [&] {
                              rig.core.kernel_load(kernel_memory);
                              rig.core.kernel_load(kernel_memory + line_size);
                          }),
              1 + 2 * l1_cycles + 1);
}

TEST(OooCoreKernel, KernelAtomicLoadsSerializesAndStores) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().stores;
    // The load, the locked operation, the store.
    EXPECT_EQ(kernel_time(rig, [&] { rig.core.kernel_atomic(kernel_memory); }),
              1 + l1_cycles + locked_operation_latency + 1 + 1);
    EXPECT_EQ(rig.core.stats().stores, before + 1);
    EXPECT_EQ(rig.core.stats().kernel_instructions, 1U);
}

TEST(OooCoreKernel, ClearingAPageStoresEachLine) {
    CoreRig rig;
    const std::uint64_t before = rig.core.stats().stores;
    rig.core.enter_kernel();
    EXPECT_EQ(rig.core.kernel_clear({StepKind::ClearPages, 0, 0, page_size, kernel_memory, {}}, 0, forever),
              page_size);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().stores - before, page_size / line_size);
    EXPECT_EQ(rig.core.stats().kernel_instructions, 1U);
}

TEST(OooCoreKernel, CopyingAPageLoadsAndStoresEachLine) {
    CoreRig rig;
    const CoreStats before = rig.core.stats();
    rig.core.enter_kernel();
    const KernelStep copy{StepKind::CopyPages, 0, 0, page_size, kernel_memory, kernel_memory + page_size};
    EXPECT_EQ(rig.core.kernel_copy(copy, 0, forever), page_size);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().loads - before.loads, page_size / line_size);
    EXPECT_EQ(rig.core.stats().stores - before.stores, page_size / line_size);
}

TEST(OooCoreKernel, KernelTextCountsItsInstructionsLoadsAndStores) {
    CoreRig rig;
    const CoreStats before = rig.core.stats();
    const KernelStep work{StepKind::Execute, 30, 20, 100, kernel_layout::text_base, {}};
    rig.core.enter_kernel();
    EXPECT_EQ(rig.core.kernel_execute(work, kernel_memory + page_size, 0, forever), 100U);
    rig.core.leave_kernel();
    EXPECT_EQ(rig.core.stats().kernel_instructions, 100U);
    EXPECT_EQ(rig.core.stats().kernel_uops, 100U);
    EXPECT_EQ(rig.core.stats().loads - before.loads, 30U);
    EXPECT_EQ(rig.core.stats().stores - before.stores, 20U);
    EXPECT_EQ(rig.core.stats().user_instructions, before.user_instructions);
}

TEST(OooCoreKernel, KernelTextIsMispredictedAtItsInterval) {
    CoreConfig config;
    config.kernel_mispredict_interval = 0;
    CoreRig never(config);
    config.kernel_mispredict_interval = 200;
    CoreRig sometimes(config);
    const KernelStep work{StepKind::Execute, 0, 0, 2000, kernel_layout::text_base, {}};
    const auto run_twice = [&](CoreRig& rig) {
        (void)kernel_time(
            rig, [&] { (void)rig.core.kernel_execute(work, kernel_memory + page_size, 0, forever); }); // warm
        return kernel_time(
            rig, [&] { (void)rig.core.kernel_execute(work, kernel_memory + page_size, 0, forever); });
    };
    const std::uint64_t plain = run_twice(never);
    const std::uint64_t missed = run_twice(sometimes);
    // Nine take effect within the run, each 17 cycles after the commit before it.
    EXPECT_GE(missed, plain + 9 * 17);
    EXPECT_LE(missed, plain + 10 * (17 + 6));
}

/// Does the step in pieces of `piece` cycles. Returns how many there were.
unsigned run_in_pieces(OooCore& core, const KernelStep& step, std::uint64_t piece) {
    unsigned pieces = 0;
    for (std::uint32_t done = 0; done < step.count; ++pieces) {
        const Cycles until = core.cycle() + Cycles(piece);
        done = step.kind == StepKind::Execute
                   ? core.kernel_execute(step, kernel_memory + page_size, done, until)
               : step.kind == StepKind::ClearPages ? core.kernel_clear(step, done, until)
                                                   : core.kernel_copy(step, done, until);
    }
    return pieces;
}

TEST(OooCoreKernel, StepDoneInPiecesIsTheSameStep) {
    for (const KernelStep work :
         {KernelStep{StepKind::Execute, 301, 97, 1003, kernel_layout::text_base, {}},
          KernelStep{StepKind::ClearPages, 0, 0, 2 * page_size, kernel_memory + 8 * page_size, {}},
          KernelStep{StepKind::CopyPages, 0, 0, page_size, kernel_memory + 8 * page_size,
                     kernel_memory + 16 * page_size}}) {
        CoreRig whole, cut;
        whole.core.enter_kernel();
        EXPECT_EQ(run_in_pieces(whole.core, work, 1ULL << 62), 1U);
        cut.core.enter_kernel();
        EXPECT_GT(run_in_pieces(cut.core, work, 20), 2U);
        EXPECT_EQ(cut.core.cycle(), whole.core.cycle());
        EXPECT_EQ(cut.core.stats().loads, whole.core.stats().loads);
        EXPECT_EQ(cut.core.stats().stores, whole.core.stats().stores);
        EXPECT_EQ(cut.core.stats().kernel_instructions, whole.core.stats().kernel_instructions);
        EXPECT_EQ(cut.core.stats().kernel_uops, whole.core.stats().kernel_uops);
    }
}

TEST(OooCoreKernel, PieceOfAStepEndsWithTheLineThatReachesItsTime) {
    CoreRig rig;
    rig.core.enter_kernel();
    const KernelStep work{StepKind::Execute, 0, 0, 4096, kernel_layout::text_base, {}};
    (void)rig.core.kernel_execute(work, kernel_memory + page_size, 0, forever); // warm
    const Cycles until = rig.core.cycle() + Cycles(200);
    EXPECT_GT(rig.core.kernel_execute(work, kernel_memory + page_size, 0, until), 16U);
    EXPECT_GE(rig.core.cycle(), until);
    EXPECT_LT(rig.core.cycle(), until + Cycles(100));
}

} // namespace
} // namespace pagewalk::models
