#include "models/memory/dram_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(DramConfig, OptionsReachTheirFields) {
    DramConfig config;
    OptionSet options;
    config.declare(options.group("dram"));
    options.set("dram.device", "ddr5_4800_16gb_x8", "--set");
    options.set("dram.timing.t_refi", "7.8us", "--set");
    options.set("dram.row_bytes", "4KiB", "--set");
    options.set("dram.page_policy", "timeout", "--set");
    options.set("dram.mapping", "bank_interleave", "--set");
    EXPECT_EQ(config.device, DramDevice::Ddr5_4800_16Gb_x8);
    EXPECT_EQ(config.timing.t_refi, Tick(7'800'000));
    EXPECT_EQ(config.custom.row_bytes, 4096U);
    EXPECT_EQ(config.page_policy, PagePolicy::Timeout);
    EXPECT_EQ(config.mapping, AddressMapping::BankInterleave);
}

TEST(DramConfig, OrganisationBelongsToTheDevice) {
    DramConfig config;
    config.custom.bank_groups = 8;
    EXPECT_THROW(config.validate(), ConfigError);
    config.device = DramDevice::Custom;
    config.timing = facts_of(DramDevice::Ddr4_3200_8Gb_x8).timing;
    EXPECT_THROW(config.validate(), ConfigError); // the rest is missing
    config.custom = {.bank_groups = 8, .banks = 4, .row_bytes = 8192, .channel_bytes = 8};
    EXPECT_NO_THROW(config.validate());
    config.custom.banks = 3;
    EXPECT_THROW(config.validate(), ConfigError);
}

TEST(DramConfig, CapacityIsThatOfTheDevices) {
    DramConfig config;
    config.device = DramDevice::Ddr5_4800_16Gb_x8; // 4 devices of 2 GiB
    config.ranks = 2;
    config.channels = 4;
    EXPECT_EQ(config.capacity(), 64ULL << 30);
    config.device = DramDevice::Custom;
    EXPECT_EQ(config.capacity(), 0U);
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
