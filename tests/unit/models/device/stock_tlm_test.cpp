#include "models/cache/shared_cache_module.h"
#include "models/device/dma_port_module.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

// A device and a memory that know TLM-2.0 and nothing of Pagewalk, on both sides of our caches.
namespace pagewalk::models {
namespace {

constexpr std::uint64_t memory_bytes = 1ULL << 20;

/// A device that uses whichever of the standard's interfaces a test asks for.
class StockDevice final : public sc_core::sc_module, tlm::tlm_mm_interface {
public:
    tlm_utils::simple_initiator_socket<StockDevice> socket;
    std::vector<tlm::tlm_phase> phases; ///< that the target has begun
    sc_core::sc_time answered;

    explicit StockDevice(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
        socket.register_nb_transport_bw(this, &StockDevice::nb_transport_bw);
        payload.set_mm(this);
        payload.acquire();
    }
    void prepare(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(m_data.data());
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        payload.set_byte_enable_ptr(nullptr);
        payload.set_byte_enable_length(0);
        payload.set_dmi_allowed(false);
        payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    }
    /// Returns how long it took.
    sc_core::sc_time b_transport(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
        prepare(command, address, bytes);
        sc_core::sc_time delay;
        socket->b_transport(payload, delay);
        return delay;
    }
    tlm::tlm_sync_enum nb_transport(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
        prepare(command, address, bytes);
        phases.clear();
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time delay;
        return socket->nb_transport_fw(payload, phase, delay);
    }
    tlm::tlm_generic_payload payload;

private:
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload&, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        phases.push_back(phase);
        if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
        answered = sc_core::sc_time_stamp() + delay;
        phase = tlm::END_RESP;
        return tlm::TLM_COMPLETED;
    }
    void free(tlm::tlm_generic_payload*) override {}

    std::array<unsigned char, 4096> m_data{};
};

/// A memory that takes 80 ns and offers a pointer to its data.
class StockMemory final : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<StockMemory> socket;
    std::vector<sc_dt::uint64> addresses;

    explicit StockMemory(sc_core::sc_module_name name)
        : sc_module(name), socket("socket"), m_data(memory_bytes) {
        socket.register_b_transport(this, &StockMemory::b_transport);
        socket.register_get_direct_mem_ptr(this, &StockMemory::get_direct_mem_ptr);
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        addresses.push_back(payload.get_address());
        delay += sc_core::sc_time(80, sc_core::SC_NS);
        payload.set_dmi_allowed(true);
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload&, tlm::tlm_dmi& granted) {
        granted.set_dmi_ptr(m_data.data());
        granted.set_start_address(0);
        granted.set_end_address(memory_bytes - 1);
        granted.allow_read_write();
        return true;
    }
    std::vector<unsigned char> m_data;
};

struct Machine {
    SharedCacheModule llc{"llc", LlcConfig{}, {}, 1};
    StockMemory memory{"memory"};
    DmaPortModule port{"port", llc.cache(), DeviceId{0}, PhysAddr(memory_bytes)};
    StockDevice device{"device"};
    Machine() {
        llc.memory_socket().bind(memory.socket);
        device.socket.bind(port.socket);
        sc_core::sc_start(sc_core::SC_ZERO_TIME);
    }
    [[nodiscard]] std::uint64_t lines() const { return llc.cache().stats().device_accesses; }
};
Machine& machine() {
    static Machine built;
    return built;
}

TEST(StockTlm, BlockingTransportReachesAStockMemoryThroughOurCaches) {
    Machine& m = machine();
    const std::size_t before = m.memory.addresses.size();
    const sc_core::sc_time miss = m.device.b_transport(tlm::TLM_READ_COMMAND, 0x4000, 64);
    EXPECT_TRUE(m.device.payload.is_response_ok());
    ASSERT_EQ(m.memory.addresses.size(), before + 1);
    EXPECT_EQ(m.memory.addresses.back(), 0x4000U);
    EXPECT_GT(miss, sc_core::sc_time(80, sc_core::SC_NS));
    m.device.b_transport(tlm::TLM_WRITE_COMMAND, 0x4000, 64); // stays in the last-level cache
    EXPECT_LT(m.device.b_transport(tlm::TLM_READ_COMMAND, 0x4000, 64), miss);
    EXPECT_EQ(m.memory.addresses.size(), before + 1);
}

TEST(StockTlm, NonBlockingTransportTakesAsLongAsBlocking) {
    Machine& m = machine();
    m.device.b_transport(tlm::TLM_WRITE_COMMAND, 0x8000, 64);
    sc_core::sc_start(1, sc_core::SC_US);
    const sc_core::sc_time hit = m.device.b_transport(tlm::TLM_READ_COMMAND, 0x8000, 64);
    sc_core::sc_start(1, sc_core::SC_US);
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    EXPECT_NE(m.device.nb_transport(tlm::TLM_READ_COMMAND, 0x8000, 64), tlm::TLM_COMPLETED);
    sc_core::sc_start(1, sc_core::SC_US);
    ASSERT_FALSE(m.device.phases.empty());
    EXPECT_EQ(m.device.phases.back(), tlm::tlm_phase(tlm::BEGIN_RESP));
    EXPECT_TRUE(m.device.payload.is_response_ok());
    EXPECT_EQ(m.device.answered - begin, hit);
}

TEST(StockTlm, DirectMemoryIsRefusedOnOurSideAndNotUsedOnTheOther) {
    Machine& m = machine();
    m.device.b_transport(tlm::TLM_READ_COMMAND, 0xc000, 64);
    EXPECT_FALSE(m.device.payload.is_dmi_allowed());
    tlm::tlm_dmi granted;
    m.device.prepare(tlm::TLM_READ_COMMAND, 0xc000, 64);
    EXPECT_FALSE(m.device.socket->get_direct_mem_ptr(m.device.payload, granted));
    // The memory's pointer would bypass its timing: every line is still asked for.
    const std::size_t before = m.memory.addresses.size();
    m.device.b_transport(tlm::TLM_READ_COMMAND, 0xd000, 128);
    EXPECT_EQ(m.memory.addresses.size(), before + 2);
}

TEST(StockTlm, DebugTransportMovesNothingAndTakesNoTime) {
    Machine& m = machine();
    const std::uint64_t lines = m.lines();
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    m.device.prepare(tlm::TLM_READ_COMMAND, 0x4000, 64);
    EXPECT_EQ(m.device.socket->transport_dbg(m.device.payload), 0U); // values are not simulated
    EXPECT_EQ(m.lines(), lines);
    EXPECT_EQ(sc_core::sc_time_stamp(), now);
}

TEST(StockTlm, ByteEnablesSelectWithinLinesThatAreAccessedWhole) {
    Machine& m = machine();
    std::array<unsigned char, 8> enabled{0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0};
    const std::uint64_t lines = m.lines();
    m.device.prepare(tlm::TLM_WRITE_COMMAND, 0x10000, 128);
    m.device.payload.set_byte_enable_ptr(enabled.data());
    m.device.payload.set_byte_enable_length(enabled.size());
    sc_core::sc_time delay;
    m.device.socket->b_transport(m.device.payload, delay);
    EXPECT_TRUE(m.device.payload.is_response_ok());
    EXPECT_EQ(m.lines() - lines, 2U);
}

TEST(StockTlm, AStreamIsRefusedAsABurst) {
    Machine& m = machine();
    const std::uint64_t lines = m.lines();
    m.device.prepare(tlm::TLM_WRITE_COMMAND, 0x10000, 64);
    m.device.payload.set_streaming_width(4);
    sc_core::sc_time delay;
    m.device.socket->b_transport(m.device.payload, delay);
    EXPECT_EQ(m.device.payload.get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(m.lines(), lines);
    m.device.payload.set_streaming_width(128); // wider than the data: no stream
    m.device.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    m.device.socket->b_transport(m.device.payload, delay);
    EXPECT_TRUE(m.device.payload.is_response_ok());
}

} // namespace
} // namespace pagewalk::models
