#include "app/memory_traffic.h"
#include "base/config_file.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

class MemoryTraffic : public testing::Test {
protected:
    MemoryTraffic() {
        const std::vector<std::string> settings{"machine.cpus=8", "machine.sockets=2", "machine.memory=4GiB",
                                                "socket_link.bandwidth=8GB/s"};
        apply_settings(settings, config.options);
        config.validate();
    }
    static double value(const std::vector<Measurement>& found, const std::string& name) {
        const auto at = std::ranges::find(found, name, &Measurement::name);
        EXPECT_NE(at, found.end()) << name;
        return at == found.end() ? 0 : at->value;
    }
    SystemConfig config;
};

TEST_F(MemoryTraffic, ReadsComeNearThePinsBandwidthAndWritesCost) {
    const std::vector<Measurement> found = bandwidths_by_mix(config);
    constexpr double pins = 2 * 25.6; // DDR4-3200, a channel a socket
    EXPECT_GT(value(found, "bandwidth.reads"), 0.75 * pins);
    EXPECT_LT(value(found, "bandwidth.reads"), pins);
    EXPECT_LT(value(found, "bandwidth.1:1"), value(found, "bandwidth.reads"));
    EXPECT_GT(value(found, "bandwidth.1:1"), 0.5 * pins);
}

TEST_F(MemoryTraffic, LinkBoundsWhatOtherNodesGive) {
    const std::vector<Measurement> found = bandwidths_by_node(config);
    constexpr double link = 8.0 * 64 / 80; // headers take the rest
    EXPECT_NEAR(value(found, "node_bandwidth.0.1"), link, 0.05 * link);
    EXPECT_GT(value(found, "node_bandwidth.1.1"), 2 * link);
}

TEST_F(MemoryTraffic, MoreCoresMoveMoreUntilTheMemoryIsFull) {
    const std::vector<Measurement> found = bandwidths_by_cores(config);
    EXPECT_GE(value(found, "core_bandwidth.reads.2"), value(found, "core_bandwidth.reads.1"));
    EXPECT_LT(value(found, "core_bandwidth.reads.4"), 25.6);
}

TEST_F(MemoryTraffic, LoadMakesLatencyGrow) {
    const std::vector<LoadedLatency> curve = loaded_latencies(config);
    ASSERT_GT(curve.size(), 5U);
    EXPECT_LT(curve.front().gb_s, 5);
    EXPECT_GT(curve.back().gb_s, 30);
    EXPECT_GT(curve.back().ns, 1.5 * curve.front().ns);
}

} // namespace
} // namespace pagewalk::app
