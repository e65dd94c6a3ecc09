#include "models/memory/cxl_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using testing::HasSubstr;

TEST(CxlConfig, MemoryMustFitItsDevices) {
    const OptionSet none;
    const auto refusal = [&](const CxlConfig& config) -> std::string {
        try {
            config.validate(none, 2, 4);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return {};
    };
    CxlConfig config;
    EXPECT_EQ(refusal(config), "");
    config.memory = config.dram.capacity();
    EXPECT_EQ(refusal(config), "");
    config.memory += 2ULL << 20;
    EXPECT_THAT(refusal(config), HasSubstr("cxl.channels x cxl.ranks"));
    config.memory = 4096;
    EXPECT_THAT(refusal(config), HasSubstr("multiple of 2MiB"));
    config.memory = 2ULL << 20;
    config.socket = 2;
    EXPECT_THAT(refusal(config), HasSubstr("cxl.socket"));
    config.dram.device = DramDevice::Custom;
    EXPECT_THAT(refusal(config), HasSubstr("cxl.device"));
}

} // namespace
} // namespace pagewalk::models
