#include "models/cache/shared_cache_module.h"
#include "models/device/block_device_module.h"
#include "models/device/dma_port_module.h"
#include "models/memory/dram_controller_module.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <systemc>

namespace pagewalk::models {
namespace {

struct Interrupts final : InterruptController {
    std::vector<Tick> raised;
    void raise(CpuId, const Interrupt&, Tick at) override { raised.push_back(at); }
};

struct Machine {
    SharedCacheModule llc{"llc", LlcConfig{}, {}, 1};
    DramControllerModule dram{"dram", DramConfig{}};
    DmaPortModule port{"port", llc.cache(), DeviceId{0}, PhysAddr(1ULL << 30)};
    Interrupts interrupts;
    CpuHorizons horizons;
    BlockDeviceModule disk{"disk", {.kind = BlockDeviceKind::Optane}, DeviceId{0}, interrupts, horizons, 1};
    Machine() {
        llc.memory_socket().bind(dram.socket);
        disk.memory_socket().bind(port.socket);
        disk.set_rings(CpuId{0}, {BusAddr(0x10000), BusAddr(0x20000), 64});
    }
};

TEST(BlockDeviceModule, MovesDataThroughTheCachesInSimulatedTime) {
    static Machine m;
    const std::array<BusPage, 2> pages{BusPage(100), BusPage(300)};
    const Tick ahead(2'000'000); // the CPU that submits has run ahead of SystemC
    EXPECT_TRUE(m.horizons.others_reached(CpuId{0}, no_time));
    m.disk.submit({.bytes = 8192, .tag = 4, .pages = pages}, ahead);
    EXPECT_TRUE(m.horizons.others_reached(CpuId{0}, ahead));
    EXPECT_FALSE(m.horizons.others_reached(CpuId{0}, ahead + Tick(1'000'000))); // it may interrupt by then

    sc_core::sc_start(sc_core::sc_time(2, sc_core::SC_US));
    EXPECT_TRUE(m.interrupts.raised.empty());
    sc_core::sc_start(sc_core::sc_time(20, sc_core::SC_US));
    ASSERT_EQ(m.interrupts.raised.size(), 1U);
    EXPECT_GT(m.interrupts.raised[0], ahead + Tick(4'000'000));
    EXPECT_LT(m.interrupts.raised[0], ahead + Tick(8'000'000));
    EXPECT_TRUE(m.horizons.others_reached(CpuId{0}, no_time)); // nothing more to come

    std::array<BlockCompletion, 4> done;
    ASSERT_EQ(m.disk.take_completions(CpuId{0}, m.interrupts.raised[0], done), 1U);
    EXPECT_EQ(done[0].tag, 4U);
    const BlockControllerStats& stats = m.disk.controller().stats();
    EXPECT_EQ(stats.lines_written, 8192 / line_size);
    EXPECT_EQ(m.llc.cache().stats().device_accesses, stats.lines_written + stats.ring_lines);
}

} // namespace
} // namespace pagewalk::models
