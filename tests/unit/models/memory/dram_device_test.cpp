#include "models/memory/dram_config.h"
#include "models/memory/dram_device.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

class DramDevices : public testing::TestWithParam<DramDevice> {
protected:
    DramDevices() : facts(facts_of(GetParam())) {
        DramConfig config;
        config.device = GetParam();
        t = config.full_timing();
    }
    /// `clocks` are the nanosecond minimum rounded up, by JEDEC's rule with its guard band of 2.5 % of a
    /// clock.
    void expect_minimum(Cycles clocks, double ns, const char* what) const {
        const double clock_ns = 2e9 / static_cast<double>(facts.timing.data_rate);
        EXPECT_GE(static_cast<double>(clocks.value()) + 0.03, ns / clock_ns) << what;
        EXPECT_LT(static_cast<double>(clocks.value()) - 1, ns / clock_ns) << what;
    }

    const DramDeviceFacts& facts;
    DramTiming t{.clock = Clock(1)};
};

TEST_P(DramDevices, RowsAndBanksMakeUpTheDensity) {
    const DramOrganisation& o = facts.organisation;
    const std::uint64_t devices = o.channel_bytes * 8 / facts.width;
    EXPECT_EQ(std::uint64_t{facts.rows} * o.bank_groups * o.banks * (o.row_bytes / devices) * 8,
              std::uint64_t{facts.gigabits} << 30);
}

TEST_P(DramDevices, LineIsOneBurst) {
    const bool ddr5 = facts.timing.data_rate > 3'200'000'000;
    EXPECT_EQ(t.burst, Cycles(ddr5 ? 8 : 4)); // BL16, BL8
    EXPECT_EQ(t.t_ccd_s, t.burst);
}

TEST_P(DramDevices, ClocksAreTheNanosecondsOfTheStandard) {
    const bool ddr5 = facts.timing.data_rate > 3'200'000'000;
    expect_minimum(t.t_ras, 32, "tRAS");
    expect_minimum(t.t_ccd_l, 5, "tCCD_L");
    expect_minimum(t.t_wr, ddr5 ? 30 : 15, "tWR");
    expect_minimum(t.t_wtr_s, 2.5, "tWTR_S");
    expect_minimum(t.t_wtr_l, ddr5 ? 10 : 7.5, "tWTR_L");
    expect_minimum(t.t_rtp, 7.5, "tRTP");
    // Of the speed bins without suffix letters A: tAA, tRCD and tRP of 13.75 to 16.67 ns.
    const double clock_ns = 2e9 / static_cast<double>(facts.timing.data_rate);
    for (const Cycles latency : {t.t_cl, t.t_rcd, t.t_rp}) {
        EXPECT_GE(static_cast<double>(latency.value()) * clock_ns, 13.74);
        EXPECT_LE(static_cast<double>(latency.value()) * clock_ns, 16.67);
    }
}

TEST_P(DramDevices, ActivateWindowIsThatOfThePageSize) {
    const bool ddr5 = facts.timing.data_rate > 3'200'000'000;
    if (ddr5) {
        EXPECT_EQ(t.t_faw, Cycles(32));
        expect_minimum(t.t_rrd_l, 5, "tRRD_L");
        return;
    }
    expect_minimum(t.t_faw, facts.width == 4 ? 10 : facts.width == 8 ? 21 : 30, "tFAW");
    expect_minimum(t.t_rrd_l, facts.width == 16 ? 6.4 : 4.9, "tRRD_L");
}

TEST_P(DramDevices, RefreshTakesAsLongAsTheDensityNeeds) {
    const bool ddr5 = facts.timing.data_rate > 3'200'000'000;
    EXPECT_EQ(facts.timing.t_rfc, Tick(ddr5 ? 295'000 : facts.gigabits == 8 ? 350'000 : 550'000));
    EXPECT_EQ(facts.timing.t_refi, Tick(ddr5 ? 3'900'000 : 7'800'000));
}

INSTANTIATE_TEST_SUITE_P(All, DramDevices,
                         testing::Values(DramDevice::Ddr4_2400_8Gb_x8, DramDevice::Ddr4_2666_8Gb_x8,
                                         DramDevice::Ddr4_2933_8Gb_x8, DramDevice::Ddr4_3200_8Gb_x4,
                                         DramDevice::Ddr4_3200_8Gb_x8, DramDevice::Ddr4_3200_8Gb_x16,
                                         DramDevice::Ddr4_3200_16Gb_x8, DramDevice::Ddr5_4800_16Gb_x8,
                                         DramDevice::Ddr5_5600_16Gb_x8, DramDevice::Ddr5_6400_16Gb_x8));

TEST(DramDevice, FasterDeviceOfAGenerationHasTheHigherRate) {
    EXPECT_LT(facts_of(DramDevice::Ddr4_2400_8Gb_x8).timing.data_rate,
              facts_of(DramDevice::Ddr4_2666_8Gb_x8).timing.data_rate);
    EXPECT_LT(facts_of(DramDevice::Ddr5_5600_16Gb_x8).timing.data_rate,
              facts_of(DramDevice::Ddr5_6400_16Gb_x8).timing.data_rate);
}

} // namespace
} // namespace pagewalk::models
