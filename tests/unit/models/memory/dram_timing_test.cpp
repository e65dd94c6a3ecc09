#include "models/memory/dram_device.h"
#include "models/memory/dram_timing.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

const DramTimingOptions& ddr4_3200() { return facts_of(DramDevice::Ddr4_3200_8Gb_x8).timing; }

TEST(DramTiming, RefreshTimesAreRoundedUpToClocks) {
    DramTimingOptions options;
    options.t_rfc = Tick(350'001);
    EXPECT_EQ(DramTiming::make(ddr4_3200(), options, 8).t_rfc, Cycles(561));
    options.t_rfc = Tick(350'000);
    EXPECT_EQ(DramTiming::make(ddr4_3200(), options, 8).t_rfc, Cycles(560));
}

TEST(DramTiming, OptionReplacesThePresetsNumber) {
    DramTimingOptions options;
    options.t_cl = Cycles(24);
    const DramTiming t = DramTiming::make(ddr4_3200(), options, 8);
    EXPECT_EQ(t.t_cl, Cycles(24));
    EXPECT_EQ(t.t_rcd, Cycles(22));
}

TEST(DramTiming, CustomNamesTheMissingParameter) {
    DramTimingOptions options = ddr4_3200();
    options.t_faw = Cycles(0);
    try {
        (void)DramTiming::make({}, options, 8);
        FAIL() << "accepted";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("t_faw"), std::string::npos);
    }
    options.t_faw = Cycles(30);
    EXPECT_EQ(DramTiming::make({}, options, 8).t_faw, Cycles(30));
}

TEST(DramTiming, RefusesRefreshesThatLeaveNoTime) {
    DramTimingOptions options;
    options.t_refi = Tick(700'000);
    EXPECT_THROW((void)DramTiming::make(ddr4_3200(), options, 8), ConfigError);
}

} // namespace
} // namespace pagewalk::models
