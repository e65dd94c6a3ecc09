#include "app/sweep_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(SweepConfig, ReadsItsOptions) {
    OptionSet options;
    SweepConfig sweep;
    SlurmConfig slurm;
    sweep.declare(options.group("sweep"));
    slurm.declare(options.group("slurm"));
    options.set("sweep.timeout", "600s", "test");
    options.set("slurm.cpus", "2", "test");
    EXPECT_EQ(sweep.timeout, Tick(600'000'000'000'000));
    EXPECT_EQ(slurm.cpus, 2U);
    EXPECT_THROW(options.set("sweep.repeats", "0", "test"), ConfigError);
}

} // namespace
} // namespace pagewalk::app
