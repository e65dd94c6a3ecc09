#include "models/memory/dram_config.h"
#include "models/memory/dram_device.h"

#include <cctype>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

std::vector<DramDevice> devices(const std::string& generation) {
    std::vector<DramDevice> found;
    for (std::size_t i = 0; i < enum_count<DramDevice>; ++i) {
        const auto device = static_cast<DramDevice>(i);
        if (device != DramDevice::Custom && dram_device_names()[device].starts_with(generation))
            found.push_back(device);
    }
    return found;
}

class DramDevices : public testing::TestWithParam<DramDevice> {
protected:
    DramDevices() : facts(facts_of(GetParam())) {
        DramConfig config;
        config.device = GetParam();
        t = config.full_timing();
    }
    [[nodiscard]] double clock_ns() const { return 2e9 / static_cast<double>(facts.timing.data_rate); }
    /// `clocks` are the nanosecond minimum rounded up, by JEDEC's rule with its guard band of 2.5 % of a
    /// clock.
    void expect_minimum(Cycles clocks, double ns, const char* what) const {
        EXPECT_GE(static_cast<double>(clocks.value()) + 0.03, ns / clock_ns()) << what;
        EXPECT_LT(static_cast<double>(clocks.value()) - 1, ns / clock_ns()) << what;
    }
    void expect_minima(const std::vector<std::pair<Cycles, double>>& minima) const {
        for (std::size_t i = 0; i < minima.size(); ++i)
            expect_minimum(minima[i].first, minima[i].second, std::to_string(i).c_str());
    }

    const DramDeviceFacts& facts;
    DramTiming t{.clock = Clock(1)};
};

std::string test_name(const testing::TestParamInfo<DramDevice>& info) {
    return std::string(dram_device_names()[info.param]);
}

TEST_P(DramDevices, RowsAndBanksMakeUpTheDensity) {
    const DramOrganisation& o = facts.organisation;
    const std::uint64_t devices = o.channel_bytes * 8 / facts.width;
    EXPECT_EQ(std::uint64_t{facts.rows} * o.bank_groups * o.banks * (o.row_bytes / devices) * 8,
              std::uint64_t{facts.gigabits} << 30);
    EXPECT_EQ(facts.rank_bytes(), devices * (std::uint64_t{facts.gigabits} << 30) / 8);
}

TEST_P(DramDevices, NameSaysWhatItIs) {
    const std::string name(dram_device_names()[GetParam()]);
    const std::size_t rate = name.find('_') + 1;
    EXPECT_EQ(std::stoull(name.substr(rate)), facts.timing.data_rate / 1'000'000) << name;
    if (name.starts_with("hbm")) return; // it names the dies
    EXPECT_EQ(std::stoul(name.substr(name.find('_', rate) + 1)), facts.gigabits) << name;
    EXPECT_EQ(std::stoul(name.substr(name.find("_x") + 2)), facts.width) << name;
}

TEST_P(DramDevices, LineFillsTheBus) {
    EXPECT_EQ(t.burst.value() * 2 * facts.organisation.channel_bytes, 64U);
    EXPECT_EQ(t.t_ccd_s, t.burst);
    EXPECT_GE(t.t_ccd_l, t.t_ccd_s);
}

TEST_P(DramDevices, LatenciesAreThoseOfDram) {
    // Of DDR's speed bins without suffix letters A: tAA, tRCD and tRP of 13.75 to 16.67 ns.
    const bool ddr = dram_device_names()[GetParam()].starts_with("ddr");
    for (const Cycles latency : {t.t_cl, t.t_rcd, t.t_rp}) {
        EXPECT_GE(static_cast<double>(latency.value()) * clock_ns(), ddr ? 13.74 : 12.4);
        EXPECT_LE(static_cast<double>(latency.value()) * clock_ns(), ddr ? 16.67 : 21.3);
    }
    EXPECT_LT(t.t_cwl, t.t_cl);
    EXPECT_GE(t.t_faw, t.t_rrd_l);
}

INSTANTIATE_TEST_SUITE_P(All, DramDevices, testing::ValuesIn(devices("")), test_name);

class Ddr4Devices : public DramDevices {};

TEST_P(Ddr4Devices, ClocksAreTheNanosecondsOfTheStandard) {
    expect_minima(
        {{t.t_ras, 32}, {t.t_ccd_l, 5}, {t.t_wr, 15}, {t.t_wtr_s, 2.5}, {t.t_wtr_l, 7.5}, {t.t_rtp, 7.5}});
    EXPECT_EQ(facts.timing.t_rfc, Tick(facts.gigabits == 8 ? 350'000 : 550'000));
    EXPECT_EQ(facts.timing.t_refi, Tick(7'800'000));
}

TEST_P(Ddr4Devices, ActivatesAreLimitedByThePage) {
    if (facts.width == 4)
        EXPECT_EQ(t.t_faw, Cycles(16));
    else
        expect_minimum(t.t_faw, facts.width == 8 ? 21 : 30, "tFAW");
    expect_minimum(t.t_rrd_l, facts.width == 16 ? 6.4 : 4.9, "tRRD_L");
    if (facts.width == 16) expect_minimum(t.t_rrd_s, 5.3, "tRRD_S");
}

TEST_P(Ddr4Devices, WideOnesHaveHalfTheBankGroups) {
    EXPECT_EQ(facts.organisation.bank_groups, facts.width == 16 ? 2U : 4U);
}

INSTANTIATE_TEST_SUITE_P(All, Ddr4Devices, testing::ValuesIn(devices("ddr4")), test_name);

class Ddr5Devices : public DramDevices {};

TEST_P(Ddr5Devices, ClocksAreTheNanosecondsOfTheStandard) {
    expect_minima({{t.t_ras, 32},
                   {t.t_ccd_l, 5},
                   {t.t_ccd_l_wr, 10},
                   {t.t_wr, 30},
                   {t.t_wtr_s, 2.5},
                   {t.t_wtr_l, 10},
                   {t.t_rtp, 7.5},
                   {t.t_rrd_l, 5}});
    EXPECT_EQ(t.t_faw, Cycles(facts.width == 16 ? 40 : 32));
    EXPECT_EQ(facts.organisation.bank_groups, facts.width == 16 ? 4U : 8U);
    EXPECT_EQ(facts.timing.t_rfc, Tick(facts.gigabits == 16 ? 295'000 : 410'000));
    EXPECT_EQ(facts.timing.t_refi, Tick(3'900'000));
}

INSTANTIATE_TEST_SUITE_P(All, Ddr5Devices, testing::ValuesIn(devices("ddr5")), test_name);

class Lpddr5Devices : public DramDevices {};

TEST_P(Lpddr5Devices, ClocksAreTheNanosecondsOfTheStandard) {
    expect_minima({{t.t_rcd, 18},
                   {t.t_rp, 18},
                   {t.t_ras, 42},
                   {t.t_rrd_l, 5},
                   {t.t_faw, 20},
                   {t.t_wr, 34},
                   {t.t_wtr_s, 6.25},
                   {t.t_wtr_l, 12},
                   {t.t_rtp, 7.5}});
    EXPECT_EQ(t.t_cl, Cycles(17 * 4)); // clocks of WCK, four a CK
    EXPECT_EQ(t.t_cwl, Cycles(9 * 4));
    EXPECT_EQ(facts.timing.t_rfc, Tick(facts.gigabits == 8 ? 210'000 : 280'000));
}

INSTANTIATE_TEST_SUITE_P(All, Lpddr5Devices, testing::ValuesIn(devices("lpddr5")), test_name);

TEST(DramDevice, Hbm2eIsHbm2sNanosecondsAtItsClock) {
    const DramTimingOptions& t = facts_of(DramDevice::Hbm2e_3200_16Gb).timing;
    const auto clocks = [](double ns) { return Cycles(static_cast<std::uint64_t>(ns * 1.6 + 0.97)); };
    EXPECT_EQ(t.t_cl, clocks(14.2));
    EXPECT_EQ(t.t_rcd, clocks(14.2));
    EXPECT_EQ(t.t_ras, clocks(33));
    EXPECT_EQ(t.t_faw, clocks(16));
    EXPECT_EQ(t.t_wr, clocks(16));
    EXPECT_EQ(t.t_rrd_s, clocks(4));
    EXPECT_EQ(t.t_rrd_l, clocks(6));
}

TEST(DramDevice, Hbm3CountsFourDataBitsAClockAsTwo) {
    const DramTimingOptions& t = facts_of(DramDevice::Hbm3_6400_16Gb).timing;
    EXPECT_EQ(t.t_cl, Cycles(2 * 20));
    EXPECT_EQ(t.t_rcd, Cycles(2 * 31));
    EXPECT_EQ(t.t_ras, Cycles(2 * 45));
    // tRTW of 20 CK: a read's data ends 40 + 8 clocks after it, a write's begins 20 after its command.
    EXPECT_EQ(t.t_rtrs.value(), 2 * 20 + t.t_cwl.value() - (t.t_cl.value() + 8));
}

TEST(DramDevice, StacksHaveTheBandwidthOfTheirDataSheets) {
    const auto stack_gb_s = [](DramDevice device, std::uint64_t pseudo_channels) {
        const DramDeviceFacts& f = facts_of(device);
        return f.timing.data_rate * f.organisation.channel_bytes * pseudo_channels / 1'000'000'000;
    };
    EXPECT_EQ(stack_gb_s(DramDevice::Hbm2e_3200_16Gb, 16), 409U); // 410 GB/s
    EXPECT_EQ(stack_gb_s(DramDevice::Hbm3_6400_16Gb, 32), 819U);
}

TEST(DramDevice, NamesDiffer) {
    std::set<std::string_view> names(dram_device_names().begin(), dram_device_names().end());
    EXPECT_EQ(names.size(), enum_count<DramDevice>);
}

} // namespace
} // namespace pagewalk::models
