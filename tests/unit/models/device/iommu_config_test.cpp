#include "base/error.h"
#include "models/device/iommu_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(IommuConfig, WantsWaysThatDivideItsEntries) {
    IommuConfig config;
    OptionSet options;
    config.declare(options.group("iommu"));
    EXPECT_NO_THROW(config.validate(options));
    EXPECT_EQ(config.ways(), 64U);
    options.set("iommu.iotlb_ways", "8", "test");
    EXPECT_NO_THROW(config.validate(options));
    options.set("iommu.iotlb_ways", "7", "test");
    EXPECT_THROW(config.validate(options), ConfigError);
}

} // namespace
} // namespace pagewalk::models
