#include "models/memory/dram_timing.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(DramTiming, PresetsAreTheStandardsClocks) {
    const DramTiming ddr4 = DramTiming::make(DramStandard::Ddr4_3200, {}, 8);
    EXPECT_EQ(ddr4.t_cl, Cycles(22));
    EXPECT_EQ(ddr4.t_rc, Cycles(74));
    EXPECT_EQ(ddr4.t_refi, Cycles(12'480)); // 7.8 us of 625 ps
    EXPECT_EQ(ddr4.burst, Cycles(4));
    EXPECT_EQ(ddr4.clock.to_ticks(ddr4.t_rc), Tick(46'250));
    const DramTiming slow = DramTiming::make(DramStandard::Ddr4_2400, {}, 8);
    EXPECT_EQ(slow.clock.to_ticks(slow.t_rcd), Tick(14'166)); // 17 x 833.33 ps
    const DramTiming ddr5 = DramTiming::make(DramStandard::Ddr5_4800, {}, 4);
    EXPECT_EQ(ddr5.clock.to_ticks(ddr5.t_cl), Tick(16'666)); // 40 x 416.67 ps
    EXPECT_EQ(ddr5.burst, Cycles(8));                        // BL16 on 4 bytes
}

TEST(DramTiming, RefreshTimesAreRoundedUpToClocks) {
    DramTimingOptions options;
    options.t_rfc = Tick(350'001);
    EXPECT_EQ(DramTiming::make(DramStandard::Ddr4_3200, options, 8).t_rfc, Cycles(561));
    options.t_rfc = Tick(350'000);
    EXPECT_EQ(DramTiming::make(DramStandard::Ddr4_3200, options, 8).t_rfc, Cycles(560));
}

TEST(DramTiming, EveryActivateWindowAndRowCycleHoldsTheNanosecondMinimum) {
    for (const DramStandard standard : {DramStandard::Ddr4_2400, DramStandard::Ddr4_3200}) {
        const DramTiming t = DramTiming::make(standard, {}, 8);
        EXPECT_GE(t.clock.to_ticks(t.t_faw), Tick(21'000));
        EXPECT_GE(t.clock.to_ticks(t.t_ras), Tick(32'000));
        EXPECT_GE(t.clock.to_ticks(t.t_ccd_l), Tick(4'999));
        EXPECT_GE(t.clock.to_ticks(t.t_wr), Tick(14'999));
    }
}

TEST(DramTiming, OptionReplacesThePresetsNumber) {
    DramTimingOptions options;
    options.t_cl = Cycles(24);
    const DramTiming t = DramTiming::make(DramStandard::Ddr4_3200, options, 8);
    EXPECT_EQ(t.t_cl, Cycles(24));
    EXPECT_EQ(t.t_rcd, Cycles(22));
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
    EXPECT_EQ(DramTiming::make(DramStandard::Custom, options, 8).t_faw, Cycles(30));
}

TEST(DramTiming, RefusesRefreshesThatLeaveNoTime) {
    DramTimingOptions options;
    options.t_refi = Tick(700'000);
    EXPECT_THROW((void)DramTiming::make(DramStandard::Ddr4_3200, options, 8), ConfigError);
}

} // namespace
} // namespace pagewalk::models
