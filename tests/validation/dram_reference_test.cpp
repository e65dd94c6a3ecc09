#include "tests/support/dram_traffic.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// One channel as DRAMsim3's DDR4_8Gb_x8_3200.ini describes it.
DramConfig channel_of_dramsim3(AddressMapping mapping) {
    DramConfig config;
    config.mapping = mapping;
    config.bank_hash = BankHash::Off;
    config.timing.t_rtrs = Cycles(1);
    config.controller_latency = Tick(1'250); // a clock into its queue, one out of it
    config.write_queue = 32;
    config.read_queue = 32;
    config.bank_queue = 8;
    config.write_high = 32;
    config.write_low = 0;
    return config;
}

/// Means over the reference's seeds.
struct Case {
    AddressMapping mapping{};
    DramTraffic traffic;
    unsigned seeds = 0;
    double gb_per_s = 0, read_latency = 0; // the reference's; ns
    DramTrafficResult ours{};
};

std::vector<Case> measure(const std::string& file) {
    std::ifstream in(std::string(PAGEWALK_SOURCE_DIR) + "/tests/data/" + file);
    std::string line;
    std::getline(in, line);
    std::vector<Case> cases;
    while (std::getline(in, line)) {
        std::ranges::replace(line, ',', ' ');
        std::istringstream words(line);
        std::string mapping;
        DramTraffic t;
        double gb_per_s = 0, clocks = 0;
        words >> mapping >> t.streams >> t.spacing >> t.writes_of_12 >> t.window >> t.gap >> t.seed >>
            gb_per_s >> clocks;
        if (t.seed == 1)
            cases.push_back({.mapping = mapping == "row_interleave" ? AddressMapping::RowInterleave
                                                                    : AddressMapping::BankGroupInterleave,
                             .traffic = t});
        Case& one = cases.back();
        DramController dram(channel_of_dramsim3(one.mapping));
        const DramTrafficResult ours = run_traffic(dram, t);
        ++one.seeds;
        one.gb_per_s += gb_per_s;
        one.read_latency += clocks * 0.625;
        one.ours.gb_per_s += ours.gb_per_s;
        one.ours.read_latency += ours.read_latency;
    }
    for (Case& one : cases) {
        one.gb_per_s /= one.seeds;
        one.read_latency /= one.seeds;
        one.ours.gb_per_s /= one.seeds;
        one.ours.read_latency /= one.seeds;
    }
    return cases;
}

double error(double ours, double reference) { return 100 * (ours / reference - 1); }

void print(const Case& c) {
    const DramTraffic& t = c.traffic;
    std::printf("| %s | %s | %u | %llu | %u | %s | %.1f | %.1f | %+.1f %% | %.0f | %.0f | %+.1f %% |\n",
                c.mapping == AddressMapping::RowInterleave ? "row" : "bank group",
                t.streams == 0 ? "random" : std::to_string(t.streams).c_str(), t.writes_of_12,
                static_cast<unsigned long long>(t.spacing), t.window,
                t.gap == 0 ? "" : std::to_string(t.gap).c_str(), c.gb_per_s, c.ours.gb_per_s,
                error(c.ours.gb_per_s, c.gb_per_s), c.read_latency, c.ours.read_latency,
                error(c.ours.read_latency, c.read_latency));
}

/// DRAMsim3 does not let a read pass while writes wait for room in their banks' queues, which a single
/// stream in one bank fills.
bool is_one_stream_in_one_bank(const Case& c) {
    return c.mapping == AddressMapping::RowInterleave && c.traffic.streams == 1 &&
           c.traffic.writes_of_12 != 0;
}

TEST(DramReference, BandwidthAndLoadedLatencyAreThoseOfDramsim3) {
    std::printf("| interleaved by | streams | writes of 12 | lines apart | window | clocks between arrivals "
                "| GB/s: DRAMsim3 | Pagewalk | | mean read, ns: DRAMsim3 | Pagewalk | |\n"
                "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n");
    for (const Case& c : measure("dramsim3_ddr4_3200.csv")) {
        print(c);
        EXPECT_NEAR(error(c.ours.gb_per_s, c.gb_per_s), 0, is_one_stream_in_one_bank(c) ? 20 : 7);
        if (c.traffic.gap != 0 || c.traffic.window == 1) {
            EXPECT_NEAR(error(c.ours.read_latency, c.read_latency), 0, c.traffic.window == 1 ? 3 : 8);
        }
    }
}

} // namespace
} // namespace pagewalk::models
