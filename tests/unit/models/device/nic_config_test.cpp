#include "base/error.h"
#include "models/device/nic_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(NicConfig, WantsACpuForEachQueue) {
    NicConfig config;
    OptionSet options;
    config.declare(options.group("nic"));
    options.set("nic.queues", "4", "test");
    EXPECT_NO_THROW(config.validate(options, 1)); // there is no NIC
    EXPECT_FALSE(config.present());
    options.set("nic.rate", "10G", "test");
    EXPECT_TRUE(config.present());
    EXPECT_NO_THROW(config.validate(options, 4));
    EXPECT_THROW(config.validate(options, 3), ConfigError);
}

TEST(NicConfig, RefusesMoreThanTheWireCarries) {
    NicConfig config;
    OptionSet options;
    config.declare(options.group("nic"));
    EXPECT_THROW(options.set("nic.rate", "200G", "test"), ConfigError);
    EXPECT_THROW(options.set("nic.packet_size", "9000", "test"), ConfigError); // a buffer is a page
}

} // namespace
} // namespace pagewalk::models
