#include "os/vm/thp_config.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(ThpConfig, CompactsAtOnceOnlyForAdvisedAreasByDefault) {
    const ThpConfig thp;
    EXPECT_EQ(thp.mask(false).bits(), 0x1c20caU); // Source: groundtruth/placement, without the node's bits
    EXPECT_EQ(thp.mask(true).bits(), 0x1c24caU);
}

TEST(ThpConfig, WakesTheDaemonsWhereItDefers) {
    ThpConfig thp{.defrag = ThpDefrag::Defer};
    EXPECT_EQ(thp.mask(false), gfp::transhuge_light | gfp::kswapd_reclaim);
    EXPECT_EQ(thp.mask(true), gfp::transhuge_light | gfp::kswapd_reclaim);
    thp.defrag = ThpDefrag::DeferMadvise;
    EXPECT_EQ(thp.mask(false), gfp::transhuge_light | gfp::kswapd_reclaim);
    EXPECT_EQ(thp.mask(true), gfp::transhuge);
}

TEST(ThpConfig, TriesOnceWithoutAdviceAndNeverHardWhereItIsOff) {
    ThpConfig thp{.defrag = ThpDefrag::Always};
    EXPECT_EQ(thp.mask(false), gfp::transhuge | gfp::noretry);
    EXPECT_EQ(thp.mask(true), gfp::transhuge);
    thp.defrag = ThpDefrag::Never;
    EXPECT_EQ(thp.mask(true), gfp::transhuge_light);
}

} // namespace
} // namespace pagewalk::os
