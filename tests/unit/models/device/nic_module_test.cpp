#include "models/cache/shared_cache_module.h"
#include "models/device/dma_port_module.h"
#include "models/device/nic_module.h"
#include "models/memory/dram_controller_module.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <systemc>

namespace pagewalk::models {
namespace {

struct Raised final : InterruptController {
    std::vector<Tick> at;
    void raise(CpuId, const Interrupt&, Tick time) override { at.push_back(time); }
};

/// A packet of 1 KiB every microsecond.
NicConfig traffic() {
    return {.rate = 8'192'000'000, .packet_bytes = 1024, .ring_entries = 64, .interrupt_gap = Tick(0)};
}

TEST(NicModule, ReceivesInSystemCTimeThroughTheLastLevelCache) {
    SharedCacheModule llc("llc", LlcConfig{}, {}, 1);
    DramControllerModule dram("dram", DramConfig{});
    DmaPortModule port("port", llc.cache(), DeviceId{1}, PhysAddr(1ULL << 30));
    CpuHorizons horizons;
    Raised interrupts;
    NicModule nic("nic", traffic(), DeviceId{1}, interrupts, horizons, 1);
    llc.memory_socket().bind(dram.socket);
    nic.memory_socket().bind(port.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);

    nic.set_ring(CpuId{0}, {BusAddr(0x10000), 64});
    const std::array<BusAddr, 2> buffers{BusAddr(0x100000), BusAddr(0x200000)};
    nic.post(CpuId{0}, buffers, Tick());
    nic.start(Tick());
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(1'000'001))); // the first packet comes before
    sc_core::sc_start(3500, sc_core::SC_NS);
    EXPECT_EQ(nic.controller().stats().packets, 2U);
    EXPECT_EQ(nic.controller().stats().dropped, 1U);
    EXPECT_EQ(llc.cache().stats().device_accesses,
              nic.controller().stats().lines_written + nic.controller().stats().ring_lines);
    ASSERT_EQ(interrupts.at.size(), 1U);
    std::array<ReceivedPacket, 4> packets;
    EXPECT_EQ(nic.take_received(CpuId{0}, Tick(3'500'000), packets), 2U);
    EXPECT_EQ(interrupts.at[0], packets[0].written);

    nic.set_send_ring(CpuId{0}, {BusAddr(0x20000), 64});
    const std::array message{SendBuffer{BusAddr(0x300000), 4096, true}};
    nic.send(CpuId{0}, message, Tick(3'500'000));
    sc_core::sc_start(5, sc_core::SC_US);
    const NicStats& stats = nic.controller().stats();
    EXPECT_EQ(stats.bytes_sent, 4096U);
    EXPECT_EQ(llc.cache().stats().device_accesses, stats.lines_written + stats.lines_read + stats.ring_lines);
    EXPECT_EQ(nic.take_sent(CpuId{0}, Tick(8'500'000)), 1U);
}

} // namespace
} // namespace pagewalk::models
