#include "app/repeated_run.h"
#include "base/error.h"
#include "base/scratch_folder.h"
#include "tests/unit/results/sample_run.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(RepeatedRun, SaysWhetherTheResultsAreTheSame) {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "before.h5", 50);
    results::SampleRun().write(folder / "same.h5", 50);
    results::SampleRun().write(folder / "longer.h5", 60);
    const RepeatedRun run(folder / "before.h5");
    std::ostringstream out;
    EXPECT_EQ(run.compare(folder / "same.h5", out), 0);
    EXPECT_THAT(out.str(), StartsWith("identical to "));
    EXPECT_EQ(run.compare(folder / "longer.h5", out), 1);
    EXPECT_THAT(out.str(), HasSubstr("/events/page_faults, row 50: was no such row, is time="));
}

TEST(RepeatedRun, RefusesWhatIsNoRun) { EXPECT_THROW(RepeatedRun("/absent.h5"), InputError); }

} // namespace
} // namespace pagewalk::app
