#include "app/compare.h"
#include "base/error.h"
#include "tests/unit/results/sample_run.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string compared(std::vector<std::string> arguments, int status) {
    std::ostringstream out;
    EXPECT_EQ(run_compare(arguments, out), status);
    return out.str();
}

std::string refusal(std::vector<std::string> arguments) {
    try {
        std::ostringstream out;
        run_compare(arguments, out);
    } catch (const InputError& error) {
        return error.what();
    }
    return "compared";
}

/// A run twice as long as the sample's, with another TLB.
void write_other(const std::string& path) {
    results::RunMeta meta = results::SampleRun::meta();
    meta.config = "[mmu.l2_tlb]\nentries = 2048\n[run]\nseed = 42\nwarmup = 0\n";
    results::SampleRun run;
    run.advance(200000);
    results::RunFile file(path, meta);
    file.finish(results::RunStatus::Complete, "", run.state());
}

TEST(Compare, TwoRunsOfTheSameInputAreIdentical) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "a.h5", 5);
    results::SampleRun().write(folder / "b.h5", 5);
    const std::string text = compared({folder / "a.h5", folder / "b.h5"}, 0);
    EXPECT_THAT(text, AllOf(HasSubstr("identical in all but /meta/host"),
                            HasSubstr("Configuration\n  the same"), HasSubstr("moved most\n  none")));
}

TEST(Compare, ShowsRatiosOptionsAndChangedStatistics) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "a.h5", 5);
    write_other(folder / "b.h5");
    const std::string text = compared({folder / "a.h5", folder / "b.h5"}, 1);
    EXPECT_THAT(text, ContainsRegex("instructions +100000 +200000 +2 +instructions +yes"));
    EXPECT_THAT(text, ContainsRegex("ipc +0.5 +0.5 +1 "));
    EXPECT_THAT(text, ContainsRegex("mmu.l2_tlb.entries +1536 +2048"));
    EXPECT_THAT(text, ContainsRegex("run.warmup +\\(absent\\) +0"));
    EXPECT_THAT(text, Not(HasSubstr("run.seed")));
    EXPECT_THAT(text, ContainsRegex("core0/mmu/l2_tlb/misses +1000 +2000 +2 +count"));
    EXPECT_THAT(text, Not(HasSubstr("never")));
}

TEST(Compare, StatsGlobLimitsTheStatistics) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "a.h5", 5);
    write_other(folder / "b.h5");
    const std::string text = compared({folder / "a.h5", folder / "b.h5", "--stats", "*/misses"}, 1);
    EXPECT_THAT(text, AllOf(HasSubstr("l2_tlb/misses"), Not(HasSubstr("core0/cycles"))));
}

TEST(Compare, LeastShareDecidesWhatMoved) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "a.h5", 5);
    write_other(folder / "b.h5");
    EXPECT_THAT(compared({folder / "a.h5", folder / "b.h5", "--least", "50%"}, 1),
                HasSubstr("l2_tlb/misses"));
    EXPECT_THAT(compared({folder / "a.h5", folder / "b.h5", "--least", "51%"}, 0),
                HasSubstr("moved most\n  none"));
}

TEST(Compare, SweepsArePrintedWithHowManyPointsMoved) {
    const ScratchFolder folder;
    for (const char* side : {"a", "b"}) {
        std::filesystem::create_directory(folder / side);
        for (const char* name : {"x=1.h5", "x=2.h5"}) results::SampleRun().write(folder / side / name, 5);
    }
    write_other(folder / "b/x=2.h5");
    const std::string text = compared({folder / "a", folder / "b"}, 1);
    EXPECT_THAT(text, AllOf(HasSubstr("Points: 2 in both, 0 in A alone"),
                            ContainsRegex("l2_tlb/misses .* 1 of 2 +x=2")));
}

TEST(Compare, WrongArgumentsAreTheUsersMistake) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "a.h5", 5);
    EXPECT_THAT(refusal({folder / "a.h5"}), HasSubstr("two results files, or folders of them, are needed"));
    EXPECT_THAT(refusal({folder / "a.h5", folder / "b.h5"}), HasSubstr("does not exist"));
    EXPECT_THAT(refusal({folder / "a.h5", folder / "a.h5", "--stats", "gpu*"}), HasSubstr("gpu*"));
    EXPECT_THAT(refusal({folder / "a.h5", folder / "a.h5", "--least", "much"}), HasSubstr("0% to 100%"));
}

} // namespace
} // namespace pagewalk::app
