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

haddr_t place_of(hid_t file, const std::string& path) {
    H5O_info_t info;
    EXPECT_GE(H5Oget_info_by_name2(file, path.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT), 0) << path;
    return info.addr;
}

TEST(FileBuilder, TotalsOfAComponentThatDidNothingInTheWarmUpAreItsMeasuredValues) {
    const ScratchFolder folder;
    std::uint64_t busy = 5, still = 0;
    StatRegistry registry;
    registry.group("cpu0").counter("walks", busy, "count", "page walks");
    registry.group("cpu1").counter("walks", still, "count", "page walks");
    const StatSnapshot start = registry.snapshot();
    busy = still = 7;
    const StatSnapshot end = registry.snapshot();
    RunFile file(folder / "run.h5", SampleRun::meta());
    file.finish(RunStatus::Complete, "",
                RunState{.registry = &registry, .measured = registry.region(start, end), .total = end});
    const Hdf5Object hdf5(H5Fopen((folder / "run.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    EXPECT_EQ(place_of(hdf5, "/stats/cpu1"), place_of(hdf5, "/stats_total/cpu1"));
    EXPECT_NE(place_of(hdf5, "/stats/cpu0"), place_of(hdf5, "/stats_total/cpu0"));
    const RunReader reader(folder / "run.h5");
    EXPECT_EQ(reader.measured("cpu*", "walks"), 9);
    EXPECT_EQ(reader.total("cpu*", "walks"), 14);
}

TEST(FileBuilder, AttributesOfAHistogramLieInItsHeader) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 3);
    const Hdf5Object file(H5Fopen((folder / "run.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    H5O_info_t info;
    ASSERT_GE(H5Oget_info_by_name2(file, "/histograms/core0/mmu/l2_tlb/walk_cycles", &info,
                                   H5O_INFO_META_SIZE, H5P_DEFAULT),
              0);
    EXPECT_EQ(info.meta_size.attr.heap_size, 0U);
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
