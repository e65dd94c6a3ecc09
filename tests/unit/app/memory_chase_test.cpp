#include "app/memory_chase.h"
#include "base/config_file.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

/// Two sockets of two CPUs and a CXL expander: L1D 5 cycles, L2 look-up 9, both of 1 GHz.
class MemoryChase : public testing::Test {
protected:
    MemoryChase() {
        const std::vector<std::string> settings{
            "machine.cpus=4",      "machine.sockets=2",     "machine.memory=4GiB", "cxl.memory=2GiB",
            "core.frequency=1GHz", "mmu.l1d_4k.entries=48", "mmu.l1d_4k.ways=6",   "mmu.l2_tlb.entries=512",
            "mmu.l2_tlb.ways=8",   "mmu.l2_latency=7"};
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

TEST_F(MemoryChase, SmallFootprintsTakeWhatTheirCacheTakes) {
    const std::vector<Measurement> found = footprint_latencies(config);
    EXPECT_NEAR(value(found, "latency.4k.16KiB"), 5, 0.01);
    EXPECT_NEAR(value(found, "latency.2m.512KiB"), 14, 1);
    EXPECT_GT(value(found, "latency.4k.128MiB"), value(found, "latency.2m.128MiB") + 5);
}

TEST_F(MemoryChase, TlbsHoldWhatTheyHave) {
    const std::vector<Measurement> found = tlb_reach(config);
    EXPECT_EQ(value(found, "tlb.l1_4k"), 48);
    EXPECT_EQ(value(found, "tlb.l2_4k"), 512);
    EXPECT_NEAR(value(found, "tlb.l2_hit"), 7, 0.2);
    EXPECT_GT(value(found, "tlb.walk"), 5);
}

TEST_F(MemoryChase, RemoteAndCxlMemoryAreFurther) {
    const std::vector<Measurement> found = idle_latencies(config);
    ASSERT_EQ(found.size(), 6U); // two nodes with CPUs, three with memory
    const double local = value(found, "idle_latency.0.0"), remote = value(found, "idle_latency.0.1");
    const double links = static_cast<double>(config.links.sockets.latency.value()) * 2 / 1000;
    EXPECT_NEAR(remote - local, links, 4); // and the wires
    const double cxl = value(found, "idle_latency.0.2");
    EXPECT_GT(cxl - local, static_cast<double>(config.cxl.link.latency.value()) * 2 / 1000);
    EXPECT_NEAR(value(found, "idle_latency.1.2") - cxl, links, 4);
}

TEST_F(MemoryChase, ClustersOfASocketAreNearerThanTheOtherSocket) {
    SystemConfig clustered;
    apply_settings(std::vector<std::string>{"machine.cpus=4", "machine.sockets=2", "machine.clusters=2",
                                            "machine.memory=4GiB", "cluster_link.latency=7ns"},
                   clustered.options);
    clustered.validate();
    const std::vector<Measurement> found = idle_latencies(clustered);
    const double local = value(found, "idle_latency.0.0");
    EXPECT_NEAR(value(found, "idle_latency.0.1") - local, 14, 4); // and the wires
    const double links = static_cast<double>(clustered.links.sockets.latency.value()) * 2 / 1000;
    EXPECT_NEAR(value(found, "idle_latency.0.2") - local, links, 4);
    EXPECT_NEAR(value(found, "idle_latency.1.3") - local, links, 4);
}

TEST_F(MemoryChase, LinesOfOtherCachesTakeASnoop) {
    const std::vector<Measurement> found = cache_to_cache_latencies(config);
    const double local = value(found, "cache_to_cache.local_hitm");
    const double expected =
        14 + static_cast<double>((config.llc.cache.latency + config.llc.snoop).value()) / 2.4;
    EXPECT_NEAR(local, expected, 4);
    EXPECT_GT(value(found, "cache_to_cache.remote_hitm_writer"), local + 50);
    EXPECT_GT(value(found, "cache_to_cache.remote_hitm_reader"), local + 50);
}

} // namespace
} // namespace pagewalk::app
