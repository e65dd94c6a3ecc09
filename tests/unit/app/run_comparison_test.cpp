#include "app/run_comparison.h"
#include "base/error.h"
#include "tests/unit/results/sample_run.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RunComparisonTest : public testing::Test {
protected:
    void write(const std::string& side, const std::string& name, std::uint64_t instructions,
               const std::string& config) {
        std::filesystem::create_directories(m_folder / side);
        results::RunMeta meta = results::SampleRun::meta();
        meta.config = config;
        results::SampleRun run;
        run.advance(instructions);
        results::RunFile(m_folder / side / name, meta).finish(results::RunStatus::Complete, "", run.state());
    }
    RunComparison compared(std::string_view glob = "*") const {
        return compare_runs(find_runs(m_folder / "a"), find_runs(m_folder / "b"), glob, 0.01);
    }

    ScratchFolder m_folder;
};

TEST_F(RunComparisonTest, TheSameRunsDoNotMove) {
    write("a", "x.h5", 1000, "[t]\ne = 1\n");
    write("b", "x.h5", 1000, "[t]\ne = 1\n");
    EXPECT_FALSE(compared().moved());
    EXPECT_THAT(compared().options, IsEmpty());
}

TEST_F(RunComparisonTest, TellsWhatMovedWhereMost) {
    write("a", "x=1.h5", 100000, "[t]\ne = 1\nx = 1\n");
    write("a", "x=2.h5", 100000, "[t]\ne = 1\nx = 2\n");
    write("b", "x=1.h5", 200000, "[t]\ne = 2\nx = 1\n");
    write("b", "x=2.h5", 400000, "[t]\ne = 2\nx = 2\n");
    const RunComparison comparison = compared();
    EXPECT_TRUE(comparison.moved());
    const auto misses =
        std::ranges::find(comparison.statistics, "core0/mmu/l2_tlb/misses", &ComparedValue::path);
    ASSERT_NE(misses, comparison.statistics.end());
    EXPECT_EQ(misses->moved, 2U);
    EXPECT_EQ(misses->point, "x=2");
    EXPECT_EQ(misses->movement.after, 4000);
    ASSERT_EQ(comparison.options.size(), 1U);
    EXPECT_EQ(comparison.options[0].key, "t.e");
    EXPECT_EQ(comparison.options[0].after, "2");
}

TEST_F(RunComparisonTest, RepeatsShareAPointAndTheirSeedsArePaired) {
    for (const char* side : {"a", "b"})
        for (int seed = 1; seed <= 3; ++seed)
            write(side, "x,repeat=" + std::to_string(seed) + ".h5",
                  100000 * seed + (side[0] == 'b' ? 5000 : 0),
                  "[run]\nseed = " + std::to_string(seed) + "\n");
    const RunComparison comparison = compared();
    EXPECT_EQ(comparison.repeats_before, 3U);
    EXPECT_THAT(comparison.options, IsEmpty());
    EXPECT_TRUE(comparison.moved()) << "each pair moved by 5000 instructions";
}

TEST_F(RunComparisonTest, PointsOfOneSideAloneAreTold) {
    write("a", "x=1.h5", 1000, "[t]\ne = 1\n");
    write("b", "x=1.h5", 1000, "[t]\ne = 1\n");
    write("b", "x=2.h5", 1000, "[t]\ne = 1\n");
    EXPECT_THAT(compared().only_after, ElementsAre("x=2"));
    EXPECT_TRUE(compared().moved());
}

TEST_F(RunComparisonTest, SetsWithoutACommonPointAreTheUsersMistake) {
    write("a", "x=1.h5", 1000, "[t]\ne = 1\n");
    write("b", "y=1.h5", 1000, "[t]\ne = 1\n");
    write("b", "y=2.h5", 1000, "[t]\ne = 1\n");
    EXPECT_THROW(static_cast<void>(compared()), InputError);
}

} // namespace
} // namespace pagewalk::app
