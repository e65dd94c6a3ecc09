#include "results/summary_text.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(SummaryPage, ColourMarksTitlesAndStatusOnlyWhenAskedFor) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 1);
    const RunReader run(folder / "run.h5");
    EXPECT_THAT(summary_page(run, Colour::On),
                AllOf(HasSubstr("\x1b[1mExecution\x1b[0m"), HasSubstr("\x1b[32mcomplete")));
    EXPECT_THAT(summary_page(run, Colour::Off), Not(HasSubstr("\x1b")));
}

TEST(SummaryPage, ARunWithoutStatisticsStillHasAPageThatSaysWhy) {
    const ScratchFolder folder;
    const SampleRun sample;
    RunFile file(folder / "run.h5", SampleRun::meta());
    file.finish(RunStatus::Interrupted, "stopped by the user after 3 s", RunState{});
    const std::string page = summary_page(RunReader(folder / "run.h5"), Colour::Off);
    EXPECT_THAT(page, HasSubstr("interrupted: stopped by the user after 3 s"));
    EXPECT_THAT(page, Not(HasSubstr("Execution")));
}

} // namespace
} // namespace pagewalk::results
