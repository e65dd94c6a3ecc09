#include "models/memory/dram_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(DramConfig, OptionsReachTheirFields) {
    DramConfig config;
    OptionSet options;
    config.declare(options.group("dram"));
    options.set("dram.standard", "ddr5_4800", "--set");
    options.set("dram.timing.t_refi", "7.8us", "--set");
    options.set("dram.row_bytes", "4KiB", "--set");
    options.set("dram.page_policy", "timeout", "--set");
    options.set("dram.mapping", "bank_interleave", "--set");
    EXPECT_EQ(config.standard, DramStandard::Ddr5_4800);
    EXPECT_EQ(config.timing.t_refi, Tick(7'800'000));
    EXPECT_EQ(config.row_bytes, 4096U);
    EXPECT_EQ(config.page_policy, PagePolicy::Timeout);
    EXPECT_EQ(config.mapping, AddressMapping::BankInterleave);
}

TEST(DramConfig, WriteQueueMarksMustAscend) {
    DramConfig config;
    config.write_low = config.write_high;
    EXPECT_THROW(config.validate(), ConfigError);
    config.write_low = config.write_high - 1;
    EXPECT_NO_THROW(config.validate());
    config.write_high = config.write_queue + 1;
    EXPECT_THROW(config.validate(), ConfigError);
}

} // namespace
} // namespace pagewalk::models
