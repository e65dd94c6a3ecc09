#include "results/output_driver.h"
#include "tests/unit/results/sample_run.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/resource.h>
#include <system_error>

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

Hdf5Object access_through(OutputDriver& driver) {
    Hdf5Object access(H5Pcreate(H5P_FILE_ACCESS), "access list");
    driver.use_for(access);
    return access;
}

TEST(OutputDriver, WritesWhatHdf5sOwnDriverReads) {
    const ScratchFolder folder;
    const auto path = folder / "out.h5";
    OutputDriver driver;
    {
        const Hdf5Object access = access_through(driver);
        const Hdf5Object file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), "create");
        AttributeWriter().write(file, "answer", std::uint64_t{42});
    }
    EXPECT_NO_THROW(driver.throw_failure());
    const Hdf5Object file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "open");
    EXPECT_EQ(read_count_attribute(file, "answer"), 42);
}

TEST(OutputDriver, TellsWhyAFileCannotBeMade) {
    const QuietHdf5 quiet;
    const ScratchFolder folder;
    OutputDriver driver;
    const Hdf5Object access = access_through(driver);
    EXPECT_LT(H5Fcreate((folder / "absent/out.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), 0);
    try {
        driver.throw_failure();
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), ENOENT);
    }
}

TEST(OutputDriver, LetsHdf5CloseAFileThatCouldNotBeWrittenAndTellsAfterwards) {
    const ScratchFolder folder;
    OutputDriver driver;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{100, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    {
        const Hdf5Object access = access_through(driver);
        Hdf5Object file(H5Fcreate((folder / "out.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), "create");
        for (int i = 0; i < 100; ++i)
            AttributeWriter().write(file, std::to_string(i).c_str(), std::string(100, 'x'));
        EXPECT_NO_THROW(file.close("close"));
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    try {
        driver.throw_failure();
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EFBIG);
    }
}

} // namespace
} // namespace pagewalk::results
