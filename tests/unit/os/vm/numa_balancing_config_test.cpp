#include "base/error.h"
#include "os/vm/numa_balancing_config.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(NumaBalancingConfig, HasLinuxsDefaults) {
    const NumaBalancingConfig config;
    EXPECT_TRUE(config.enabled);
    EXPECT_EQ(config.scan_delay, Tick(ticks_per_second));
    EXPECT_EQ(config.scan_period_max, Tick(60 * ticks_per_second));
    EXPECT_EQ(config.scan_size, 256ULL << 20);
}

TEST(NumaBalancingConfig, RefusesALongestPeriodBelowTheShortest) {
    NumaBalancingConfig config;
    config.scan_period_max = config.scan_period_min;
    EXPECT_NO_THROW(config.validate());
    config.scan_period_max = Tick(config.scan_period_min.value() - 1);
    EXPECT_THROW(config.validate(), ConfigError);
}

} // namespace
} // namespace pagewalk::os
