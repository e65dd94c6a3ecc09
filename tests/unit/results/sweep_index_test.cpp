#include "results/hdf5_object.h"
#include "results/run_reader.h"
#include "results/sweep_index.h"
#include "tests/unit/results/sample_run.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::ElementsAre;

SweepIndex sample_index() {
    return {.columns = {{"name", "text", "names", std::vector<std::string>{"a", "longer"}},
                        {"axes/x", "bytes", "sizes", std::vector<std::uint64_t>{1, 2}},
                        {"summary/ipc", "1", "speeds", std::vector<double>{0.5, 1.5}}},
            .links = {{"a", "points/a.h5"}},
            .meta = {{"sweep", "[axis.x]\n", "the file"}}};
}

TEST(SweepIndex, OneOpenReachesAPointsResults) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "points");
    SampleRun().write(folder / "points/a.h5", 1);
    build_sweep_index(folder / "index.h5", sample_index());
    EXPECT_TRUE(is_sweep_index(folder / "index.h5"));
    const Hdf5Object file(H5Fopen((folder / "index.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    const Hdf5Object ipc(H5Dopen2(file, "/points/a/summary/ipc", H5P_DEFAULT), "follow the link");
    double value = 0;
    check(H5Dread(ipc, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value), "read");
    EXPECT_EQ(value, 0.5);
}

TEST(SweepIndex, ColumnsHaveValuesUnitsAndPlaces) {
    const ScratchFolder folder;
    build_sweep_index(folder / "index.h5", sample_index());
    const Hdf5Object file(H5Fopen((folder / "index.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    const Hdf5Object column(H5Dopen2(file, "/table/axes/x", H5P_DEFAULT), "open");
    std::vector<std::uint64_t> values(2);
    check(H5Dread(column, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "read");
    EXPECT_THAT(values, ElementsAre(1, 2));
    EXPECT_EQ(read_text_attribute(column, "unit"), "bytes");
    EXPECT_EQ(read_count_attribute(column, "column"), 1U);
    const Hdf5Object names(H5Dopen2(file, "/table/name", H5P_DEFAULT), "open");
    EXPECT_EQ(H5Tget_size(Hdf5Object(H5Dget_type(names), "type")), 6U);
}

TEST(SweepIndex, IsNotTakenForARunNorARunForIt) {
    const ScratchFolder folder;
    build_sweep_index(folder / "index.h5", sample_index());
    SampleRun().write(folder / "run.h5", 1);
    EXPECT_FALSE(is_results_file(folder / "index.h5"));
    EXPECT_FALSE(is_sweep_index(folder / "run.h5"));
    EXPECT_FALSE(is_sweep_index(folder / "absent.h5"));
}

TEST(SweepIndex, SaysThatItCannotBeWritten) {
    EXPECT_THROW(build_sweep_index("/absent/index.h5", sample_index()), std::exception);
}

} // namespace
} // namespace pagewalk::results
