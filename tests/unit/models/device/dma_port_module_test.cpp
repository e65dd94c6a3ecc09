#include "contract/kernel_path.h"
#include "models/cache/shared_cache_module.h"
#include "models/device/dma_port_module.h"
#include "models/memory/dram_controller_module.h"

#include <array>

#include <gtest/gtest.h>
#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t memory_bytes = 1ULL << 30;

/// A TLM-2.0 initiator from elsewhere, which knows the generic payload and nothing else.
class StockDevice final : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<StockDevice> socket;
    explicit StockDevice(sc_core::sc_module_name name) : sc_module(name), socket("socket") {}

    /// Returns how long it took.
    Tick move(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
        sc_core::sc_time delay;
        prepare(command, address, bytes);
        socket->b_transport(m_payload, delay);
        return Tick(delay.value());
    }
    void prepare(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
        m_payload.set_command(command);
        m_payload.set_address(address);
        m_payload.set_data_ptr(m_data.data());
        m_payload.set_data_length(bytes);
        m_payload.set_streaming_width(bytes);
        m_payload.set_byte_enable_ptr(nullptr);
        m_payload.set_dmi_allowed(false);
        m_payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    }
    tlm::tlm_generic_payload& payload() { return m_payload; }

private:
    tlm::tlm_generic_payload m_payload;
    std::array<unsigned char, 4096> m_data{};
};

/// A CPU's caches.
struct Snooped final : SnoopTarget {
    int invalidated = 0, downgraded = 0;
    Dirty invalidate(PhysAddr) override {
        ++invalidated;
        return Dirty::No;
    }
    Dirty downgrade(PhysAddr) override {
        ++downgraded;
        return Dirty::Yes;
    }
};

/// An IOMMU that has nothing mapped.
struct Refusing final : SharedMemory {
    LineResponse request(const LineRequest&) override { return {.ready = no_time}; }
};

struct Machine {
    SharedCacheModule llc{"llc", LlcConfig{}, {}, 1};
    DramControllerModule dram{"dram", DramConfig{}};
    DmaPortModule port{"port", llc.cache(), DeviceId{5}, PhysAddr(memory_bytes)};
    StockDevice device{"device"};
    Snooped cpu;
    Refusing refusing;
    DmaPortModule refusing_port{"refusing_port", refusing, DeviceId{6}, PhysAddr(memory_bytes)};
    DmaPortModule other_refusing_port{"other_refusing_port", refusing, DeviceId{7}, PhysAddr(memory_bytes)};
    StockDevice refused{"refused"};
    MemorySocketModule refused_of_ours{"refused_of_ours"};
    Machine() {
        refused.socket.bind(refusing_port.socket);
        refused_of_ours.socket.bind(other_refusing_port.socket);
        llc.memory_socket().bind(dram.socket);
        device.socket.bind(port.socket);
        llc.cache().attach(CpuId{0}, cpu);
        sc_core::sc_start(sc_core::SC_ZERO_TIME);
    }
};
Machine& machine() {
    static Machine built;
    return built;
}

TEST(DmaPort, CountsEveryLineOfAStockDevicesTransactions) {
    Machine& m = machine();
    const std::uint64_t before = m.llc.cache().stats().device_accesses;
    EXPECT_GT(m.device.move(tlm::TLM_WRITE_COMMAND, 0x10000, 4096), Tick());
    EXPECT_TRUE(m.device.payload().is_response_ok());
    EXPECT_EQ(m.llc.cache().stats().device_accesses - before, 4096 / line_size);
    EXPECT_GT(m.device.move(tlm::TLM_READ_COMMAND, 0x80020, 64), Tick(10'000));      // from DRAM
    EXPECT_EQ(m.llc.cache().stats().device_accesses - before, 4096 / line_size + 2); // across two lines
}

TEST(DmaPort, SnoopsTheCpusCaches) {
    Machine& m = machine();
    const int downgraded = m.cpu.downgraded, invalidated = m.cpu.invalidated;
    m.device.move(tlm::TLM_READ_COMMAND, 0x200000, 64);
    EXPECT_EQ(m.cpu.downgraded, downgraded + 1);
    m.device.move(tlm::TLM_WRITE_COMMAND, 0x200000, 64);
    EXPECT_EQ(m.cpu.invalidated, invalidated + 1);
}

TEST(DmaPort, AnswersErrorsAsTheStandardSays) {
    Machine& m = machine();
    m.device.move(tlm::TLM_READ_COMMAND, memory_bytes - 32, 64);
    EXPECT_EQ(m.device.payload().get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    m.device.move(tlm::TLM_IGNORE_COMMAND, 0, 64);
    EXPECT_TRUE(m.device.payload().is_response_ok());
    sc_core::sc_time delay;
    m.device.prepare(tlm::TLM_WRITE_COMMAND, 0, 64);
    m.device.payload().set_streaming_width(8);
    m.device.socket->b_transport(m.device.payload(), delay);
    EXPECT_EQ(m.device.payload().get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
}

TEST(DmaPort, TellsADeviceThatAnIommuRefuses) {
    Machine& m = machine();
    m.refused.move(tlm::TLM_WRITE_COMMAND, 0x1000, 64);
    EXPECT_EQ(m.refused.payload().get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    const LineRequest request{
        .line = PhysAddr(0x1000), .requester = DeviceId{7}, .kind = AccessKind::Dma, .time = {}};
    for (int i = 0; i < 2; ++i) EXPECT_EQ(m.refused_of_ours.access(request), no_time);
}

TEST(DmaPort, GrantsNoDirectMemoryAndDebugsNothing) {
    Machine& m = machine();
    tlm::tlm_dmi granted;
    m.device.prepare(tlm::TLM_READ_COMMAND, 0, 64);
    EXPECT_FALSE(m.device.socket->get_direct_mem_ptr(m.device.payload(), granted));
    EXPECT_EQ(m.device.socket->transport_dbg(m.device.payload()), 0U);
}

} // namespace
} // namespace pagewalk::models
