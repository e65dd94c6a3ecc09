#include "results/run_reader.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(Differences, NoneBetweenTwoRunsOfTheSameInput) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 100);
    SampleRun().write(folder / "b.h5", 100);
    EXPECT_THAT(differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5")), IsEmpty());
}

TEST(Differences, NamesTheTableThatGrewAndNothingElse) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 100);
    SampleRun().write(folder / "b.h5", 101);
    EXPECT_THAT(differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5")),
                ElementsAre("/events/page_faults"));
}

TEST(Differences, NamesStatisticsSummaryAndHistogramsThatChanged) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 1);
    SampleRun longer;
    longer.advance(1000);
    longer.write(folder / "b.h5", 1);
    const auto paths = differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5"));
    EXPECT_THAT(paths, Contains("/stats/core0/mmu/l2_tlb/misses"));
    EXPECT_THAT(paths, Contains("/summary/instructions"));
    EXPECT_THAT(paths, Contains("/histograms/core0/mmu/l2_tlb/walk_cycles"));
    EXPECT_THAT(paths, Not(Contains("/events/page_faults")));
    EXPECT_THAT(paths, Not(Contains("/meta/config")));
}

} // namespace
} // namespace pagewalk::results
