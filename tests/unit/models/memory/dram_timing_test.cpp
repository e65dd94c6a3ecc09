#include "models/memory/dram_timing.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(DramTiming, PresetsAreTheStandardsNanoseconds) {
    const DramTiming ddr4 = DramTiming::make(DramStandard::Ddr4_3200, {}, 8);
    EXPECT_EQ(ddr4.t_cl, Tick(13'750));
    EXPECT_EQ(ddr4.t_rc, Tick(46'250));
    EXPECT_EQ(ddr4.burst, Tick(2'500));
    const DramTiming slow = DramTiming::make(DramStandard::Ddr4_2400, {}, 8);
    EXPECT_EQ(slow.t_rcd, Tick(14'166)); // 17 x 833.33 ps
    const DramTiming ddr5 = DramTiming::make(DramStandard::Ddr5_4800, {}, 4);
    EXPECT_EQ(ddr5.t_cl, Tick(16'666)); // 40 x 416.67 ps
    EXPECT_EQ(ddr5.burst, Tick(3'333)); // BL16 on 4 bytes
}

TEST(DramTiming, EveryActivateWindowAndRowCycleHoldsTheNanosecondMinimum) {
    for (const DramStandard standard : {DramStandard::Ddr4_2400, DramStandard::Ddr4_3200}) {
        const DramTiming t = DramTiming::make(standard, {}, 8);
        EXPECT_GE(t.t_faw, Tick(21'000));
        EXPECT_GE(t.t_ras, Tick(32'000));
        EXPECT_GE(t.t_ccd_l, Tick(4'999));
        EXPECT_GE(t.t_wr, Tick(14'999));
    }
}

TEST(DramTiming, OptionReplacesThePresetsNumber) {
    DramTimingOptions options;
    options.t_cl = Cycles(24);
    const DramTiming t = DramTiming::make(DramStandard::Ddr4_3200, options, 8);
    EXPECT_EQ(t.t_cl, Tick(15'000));
    EXPECT_EQ(t.t_rcd, Tick(13'750));
}

TEST(DramTiming, CustomNamesTheMissingParameter) {
    DramTimingOptions options = jedec_timing(DramStandard::Ddr4_3200);
    options.t_faw = Cycles(0);
    try {
        (void)DramTiming::make(DramStandard::Custom, options, 8);
        FAIL() << "accepted";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("t_faw"), std::string::npos);
    }
    options.t_faw = Cycles(30);
    EXPECT_EQ(DramTiming::make(DramStandard::Custom, options, 8).t_faw, Tick(18'750));
}

TEST(DramTiming, RefusesRefreshesThatLeaveNoTime) {
    DramTimingOptions options;
    options.t_refi = Tick(700'000);
    EXPECT_THROW((void)DramTiming::make(DramStandard::Ddr4_3200, options, 8), ConfigError);
}

TEST(DramTiming, RefusesSpansFarBeyondTheirSpacing) {
    DramTimingOptions options;
    options.t_faw = Cycles(255 * 4);
    EXPECT_EQ(DramTiming::make(DramStandard::Ddr4_3200, options, 8).t_faw, Tick(255 * 4 * 625));
    options.t_faw = Cycles(255 * 4 + 1);
    EXPECT_THROW((void)DramTiming::make(DramStandard::Ddr4_3200, options, 8), ConfigError);
}

} // namespace
} // namespace pagewalk::models
