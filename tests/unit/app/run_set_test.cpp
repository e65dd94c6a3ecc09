#include "app/run_set.h"
#include "base/error.h"
#include "results/sweep_index.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::SizeIs;

TEST(FindRuns, GathersRepeatsByPoint) {
    const ScratchFolder folder;
    for (const char* name : {"x=1,repeat=1.h5", "x=1,repeat=2.h5", "x=2.h5"})
        results::SampleRun().write(folder / name, 1);
    const RunSet set = find_runs(folder.path());
    ASSERT_THAT(set.points, SizeIs(2));
    EXPECT_THAT(set.points.at("x=1"), SizeIs(2));
    EXPECT_TRUE(set.is_folder);
}

TEST(FindRuns, LooksIntoASweepByItsFolderOrItsIndex) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "points");
    results::SampleRun().write(folder / "points/x=1.h5", 1);
    results::build_sweep_index(folder / "index.h5", {.columns = {}, .links = {}, .meta = {}});
    EXPECT_THAT(find_runs(folder.path()).points, SizeIs(1));
    EXPECT_THAT(find_runs(folder / "index.h5").points, SizeIs(1));
}

TEST(FindRuns, LeavesOutWhatDidNotFinish) {
    const ScratchFolder folder;
    results::RunFile(folder / "a.h5", results::SampleRun::meta())
        .finish(results::RunStatus::Interrupted, "", results::SampleRun().state());
    EXPECT_THROW(static_cast<void>(find_runs(folder.path())), InputError);
    EXPECT_THAT(find_runs(folder / "a.h5").points, SizeIs(1)) << "one that is named counts whatever it is";
}

} // namespace
} // namespace pagewalk::app
