#include "models/device/block_device_config.h"
#include "models/device/fixed_latency_disk.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

struct DeviceOptions : testing::Test {
    OptionSet options;
    BlockDeviceConfig device;
    DiskConfig fixed;
    DeviceOptions() {
        device.declare(options.group("device"));
        fixed.declare(options.group("os"));
    }
};

TEST_F(DeviceOptions, ChangeWhatTheKindSays) {
    options.set("device.kind", "sata_ssd", "test");
    options.set("device.read_latency", "99us", "test");
    device.validate(options);
    const BlockDeviceParameters parameters = device.parameters();
    EXPECT_EQ(parameters.read_latency, Tick(99'000'000));
    EXPECT_EQ(parameters.dies, facts_of(BlockDeviceKind::SataSsd).dies);
    EXPECT_EQ(parameters.queue_depth, 32U);
}

TEST_F(DeviceOptions, AreRefusedWhereTheyHaveNoEffect) {
    options.set("device.dies", "4", "a.cfg:3");
    try {
        device.validate(options);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("a.cfg:3"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("device.kind = fixed"), std::string::npos) << error.what();
    }
    options.set("device.kind", "nvme", "test");
    EXPECT_NO_THROW(device.validate(options));
    options.set("device.kind", "disk", "test");
    EXPECT_THROW(device.validate(options), ConfigError);
}

TEST_F(DeviceOptions, RefuseTheFixedDisksForOthers) {
    options.set("os.disk_latency", "10us", "test");
    EXPECT_NO_THROW(device.validate(options));
    options.set("device.kind", "optane", "test");
    EXPECT_THROW(device.validate(options), ConfigError);
}

TEST_F(DeviceOptions, RefuseATimeForCoalescingThatIsOff) {
    options.set("device.kind", "nvme", "test");
    options.set("device.coalescing_time", "50us", "test");
    EXPECT_THROW(device.validate(options), ConfigError);
    options.set("device.coalesced", "4", "test");
    EXPECT_NO_THROW(device.validate(options));
}

} // namespace
} // namespace pagewalk::models
