#include "app/slurm_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::Contains;
using testing::Not;
using testing::StartsWith;

TEST(SlurmExecutor, AsksForWhatTheSweepFileSays) {
    SlurmConfig config;
    config.partition = "long";
    config.memory = "2G";
    config.options = "--account=lab --comment='two words'";
    config.cpus = 2;
    config.time = "1:00:00";
    const auto words = SlurmExecutor(config, "/out/slurm", {.jobs = 4}).submission(1000, 5);
    for (const char* word : {"--array=0-4%4", "--partition=long", "--mem=2G", "--cpus-per-task=2",
                             "--time=1:00:00", "--account=lab", "--comment=two words", "/out/slurm/array.sh"})
        EXPECT_THAT(words, Contains(word));
    EXPECT_EQ(words.back(), "1000") << "the first task of the array";
}

TEST(SlurmExecutor, LeavesToTheClusterWhatTheSweepFileDoesNotSay) {
    const SlurmConfig config;
    const auto words = SlurmExecutor(config, "/out/slurm", {.jobs = 0}).submission(0, 1);
    EXPECT_THAT(words, Contains("--array=0-0"));
    for (const char* word : {"--partition", "--mem", "--time"})
        EXPECT_THAT(words, Not(Contains(StartsWith(word))));
}

} // namespace
} // namespace pagewalk::app
