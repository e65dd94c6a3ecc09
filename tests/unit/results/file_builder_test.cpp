#include "results/file_builder.h"
#include "results/hdf5_object.h"
#include "results/run_reader.h"
#include "tests/unit/results/sample_run.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(FileBuilder, NoObjectCarriesATime) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 3);
    const Hdf5Object file(H5Fopen((folder / "run.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    std::set<time_t> times;
    const auto add = [](hid_t, const char*, const H5O_info_t* info, void* found) -> herr_t {
        static_cast<std::set<time_t>*>(found)->insert({info->atime, info->btime, info->ctime, info->mtime});
        return 0;
    };
    ASSERT_GE(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, add, &times, H5O_INFO_TIME), 0);
    EXPECT_THAT(times, testing::ElementsAre(0));
}

TEST(FileBuilder, StatusIsOverwrittenInPlaceAndCutToItsRoom) {
    const ScratchFolder folder;
    const auto path = folder / "run.h5";
    SampleRun().write(path, 3);
    const auto size = std::filesystem::file_size(path);
    overwrite_status(path, RunStatus::Failed, std::string(5000, 'x'));
    EXPECT_EQ(std::filesystem::file_size(path), size);
    const RunReader reader(path);
    EXPECT_EQ(reader.status(), "failed");
    EXPECT_EQ(reader.status_text(), std::string(status_text_bytes, 'x'));
}

TEST(FileBuilder, LongTextsAreKeptWhole) {
    const ScratchFolder folder;
    const std::string text = std::string(300'000, 'a') + "end\n";
    SampleRun run;
    RunState state = run.state();
    state.proc.push_back({"zoneinfo", text});
    RunFile file(folder / "run.h5", SampleRun::meta());
    file.finish(RunStatus::Complete, "", state);
    EXPECT_EQ(RunReader(folder / "run.h5").proc("zoneinfo"), text);
}

} // namespace
} // namespace pagewalk::results
