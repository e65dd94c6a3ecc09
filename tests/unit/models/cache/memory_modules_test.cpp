#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache_module.h"
#include "models/interconnect/router_module.h"
#include "models/memory/dram_controller_module.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <systemc>
#include <tlm_utils/simple_target_socket.h>

namespace pagewalk::models {
namespace {

/// A TLM-2.0 memory from elsewhere: knows nothing of Pagewalk's extension, takes 80 ns, has 1 MiB.
class StockMemory final : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<StockMemory> socket;
    explicit StockMemory(sc_core::sc_module_name name) : sc_module(name), socket("socket"), m_data(1 << 20) {
        socket.register_b_transport(this, &StockMemory::b_transport);
    }
    std::vector<sc_dt::uint64> addresses;
    std::vector<tlm::tlm_generic_payload*> payloads;

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        addresses.push_back(payload.get_address());
        payloads.push_back(&payload);
        if (payload.get_address() + payload.get_data_length() > m_data.size()) {
            payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
            return;
        }
        unsigned char* const mine = m_data.data() + payload.get_address();
        if (payload.is_write())
            std::copy_n(payload.get_data_ptr(), payload.get_data_length(), mine);
        else
            std::copy_n(mine, payload.get_data_length(), payload.get_data_ptr());
        delay += sc_core::sc_time(80, sc_core::SC_NS);
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    std::vector<unsigned char> m_data;
};

/// Passes transactions on and counts them; direct access only where it is made to.
class Monitor final : public sc_core::sc_module {
public:
    enum class Grants : bool { No, Yes };
    tlm_utils::simple_target_socket<Monitor> in;
    tlm_utils::simple_initiator_socket<Monitor> out;
    std::uint64_t transports = 0;

    Monitor(sc_core::sc_module_name name, Grants grants) : sc_module(name), in("in"), out("out") {
        in.register_b_transport(this, &Monitor::b_transport);
        if (grants == Grants::Yes) in.register_get_direct_mem_ptr(this, &Monitor::get_direct_mem_ptr);
        out.register_invalidate_direct_mem_ptr(this, &Monitor::invalidate_direct_mem_ptr);
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        ++transports;
        out->b_transport(payload, delay);
    }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted) {
        return out->get_direct_mem_ptr(payload, granted);
    }
    void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
        in->invalidate_direct_mem_ptr(start, end);
    }
};

// SystemC elaborates once a process: every module of the tests is built before the first of them runs.
struct Machine {
    SharedCacheModule stock_llc{"stock_llc", LlcConfig{}, {}, 1};
    StockMemory stock{"stock"};
    SharedCacheModule dram_llc{"dram_llc", LlcConfig{}, {}, 1};
    DramControllerModule dram{"dram", DramConfig{}};
    SharedCacheModule routed_llc{"routed_llc", LlcConfig{}, {}, 1};
    RouterModule router{"router",
                        NumaMap({{PhysAddr(0), PhysAddr(0x80000), NodeId{0}},
                                 {PhysAddr(0x80000), PhysAddr(0x100000), NodeId{1}}}),
                        1, RoutedAddress::Offset};
    StockMemory node0{"node0"};
    DramControllerModule node1{"node1", DramConfig{}};
    SharedCacheModule watched_llc{"watched_llc", LlcConfig{}, {}, 1};
    Monitor watching{"watching", Monitor::Grants::No};
    DramControllerModule watched{"watched", DramConfig{}};
    SharedCacheModule direct_llc{"direct_llc", LlcConfig{}, {}, 1};
    Monitor granting{"granting", Monitor::Grants::Yes};
    RouterModule nodes{"nodes",
                       NumaMap({{PhysAddr(0), PhysAddr(0x80000), NodeId{0}},
                                {PhysAddr(0x80000), PhysAddr(0x100000), NodeId{1}}}),
                       1, RoutedAddress::Physical};
    DramControllerModule low{"low", DramConfig{}};
    DramControllerModule high{"high", DramConfig{}};

    Machine() {
        stock_llc.memory_socket().bind(stock.socket);
        dram_llc.memory_socket().bind(dram.socket);
        routed_llc.memory_socket().bind(router.inputs[0]);
        router.outputs[0].bind(node0.socket);
        router.outputs[1].bind(node1.socket);
        watched_llc.memory_socket().bind(watching.in);
        watching.out.bind(watched.socket);
        direct_llc.memory_socket().bind(granting.in);
        granting.out.bind(nodes.inputs[0]);
        nodes.outputs[0].bind(low.socket);
        nodes.outputs[1].bind(high.socket);
    }
};

class MemoryModules : public testing::Test {
protected:
    static void SetUpTestSuite() {
        s_machine = std::make_unique<Machine>();
        sc_core::sc_start(sc_core::SC_ZERO_TIME);
    }
    static LineResponse load(SharedCacheModule& llc, std::uint64_t address, std::uint64_t time) {
        return llc.cache().request({PhysAddr(address), CpuId{0}, AccessKind::Load, Tick(time)});
    }
    static Machine& machine() { return *s_machine; }

private:
    static inline std::unique_ptr<Machine> s_machine;
};

constexpr std::uint64_t llc_lookup = 16'666; // 40 cycles of 2.4 GHz

TEST_F(MemoryModules, StockMemoryServesTheCacheWithItsOwnDelay) {
    const LineResponse response = load(machine().stock_llc, 0x1000, 1'000'001);
    EXPECT_EQ(response.ready, Tick(1'000'001 + llc_lookup + 80'000));
    EXPECT_EQ(response.level, HitLevel::Memory);
}

TEST_F(MemoryModules, EveryRequestUsesTheSamePayload) {
    load(machine().stock_llc, 0x2000, 2'000'000);
    load(machine().stock_llc, 0x3000, 3'000'000);
    const auto& payloads = machine().stock.payloads;
    ASSERT_GE(payloads.size(), 2U);
    EXPECT_EQ(payloads.front(), payloads.back());
}

TEST_F(MemoryModules, RefusalOfTheMemoryEndsTheRunAndNamesTheAddress) {
    try {
        load(machine().stock_llc, 0x200000, 4'000'000);
        FAIL() << "served";
    } catch (const RunError& error) {
        EXPECT_NE(std::string(error.what()).find("0x200000"), std::string::npos) << error.what();
    }
}

TEST_F(MemoryModules, DramBehindTheSocketAnswersAsTheControllerItself) {
    DramController direct{DramConfig{}};
    for (std::uint64_t i = 0; i < 200; ++i) {
        const std::uint64_t address = i * 0x12340 & ~63ULL, time = 5'000'003 + i * 40'001;
        const Tick expected =
            direct.access({PhysAddr(address), CpuId{0}, AccessKind::Load, Tick(time + llc_lookup)});
        EXPECT_EQ(load(machine().dram_llc, address, time).ready, expected);
    }
    EXPECT_EQ(machine().dram.controller().stats().reads, 200U);
}

Tick row_precharge() {
    const DramTiming timing = DramConfig{}.full_timing();
    return timing.clock.to_ticks(timing.t_rp);
}

TEST_F(MemoryModules, TransactionsCarryTheirTimeAcrossSystemCTime) {
    DramController direct{DramConfig{}};
    sc_core::sc_start(sc_core::sc_time(20, sc_core::SC_US));
    const std::uint64_t now = sc_core::sc_time_stamp().value();
    // A row of its own: nothing of the other tests is left open in it.
    const Tick expected =
        direct.access({PhysAddr(0xabc'0000'0000), CpuId{0}, AccessKind::Load, Tick(now + 7 + llc_lookup)});
    const Tick answered = load(machine().dram_llc, 0xabc'0000'0000, now + 7).ready;
    EXPECT_GE(answered, expected);
    EXPECT_LE(answered, expected + row_precharge());
    EXPECT_EQ(sc_core::sc_time_stamp().value(), now);
}

TEST_F(MemoryModules, RequestsTimedBeforeSystemCTimeAreServedAsOfTheirOwnTime) {
    sc_core::sc_start(sc_core::sc_time(20, sc_core::SC_US));
    const std::uint64_t early = sc_core::sc_time_stamp().value() - 1'000'000;
    EXPECT_EQ(load(machine().stock_llc, 0x4000, early).ready, Tick(early + llc_lookup + 80'000));
    DramController direct{DramConfig{}};
    const Tick expected =
        direct.access({PhysAddr(0xdef'0000'0000), CpuId{0}, AccessKind::Load, Tick(early + llc_lookup)});
    const Tick answered = load(machine().dram_llc, 0xdef'0000'0000, early).ready;
    EXPECT_GE(answered, expected);
    EXPECT_LE(answered, expected + row_precharge());
}

TEST_F(MemoryModules, RouterChoosesTheNodeAndGivesAStockMemoryItsOffset) {
    load(machine().routed_llc, 0x7f000, 60'000'000);
    EXPECT_EQ(machine().node0.addresses, (std::vector<sc_dt::uint64>{0x7f000}));
    load(machine().routed_llc, 0x80040, 60'000'000);
    EXPECT_EQ(machine().node0.addresses.size(), 1U);
    EXPECT_EQ(machine().node1.controller().stats().reads, 1U);
}

TEST_F(MemoryModules, ModuleThatGrantsNoDirectAccessSeesEveryTransaction) {
    for (std::uint64_t i = 0; i < 5; ++i) load(machine().watched_llc, i * 0x1000, 1'000'000 + i * 1'000'000);
    EXPECT_EQ(machine().watching.transports, 5U);
    EXPECT_EQ(machine().watched.controller().stats().reads, 5U);
}

TEST_F(MemoryModules, DirectAccessGoesPastTheSocketsAndAnswersAsTheyDo) {
    DramController expected_low{DramConfig{}}, expected_high{DramConfig{}};
    const auto expect_as_alone = [&](std::uint64_t address, std::uint64_t time) {
        DramController& alone = address < 0x80000 ? expected_low : expected_high;
        EXPECT_EQ(load(machine().direct_llc, address, time).ready,
                  alone.access({PhysAddr(address), CpuId{0}, AccessKind::Load, Tick(time + llc_lookup)}));
    };
    for (std::uint64_t i = 0; i < 100; ++i) expect_as_alone(i * 0x2740 & ~63ULL, 1'000'000 + i * 30'000);
    // One transaction a node asked for it.
    EXPECT_EQ(machine().granting.transports, 2U);
    EXPECT_EQ(machine().low.controller().stats().reads, expected_low.stats().reads);
    EXPECT_GT(machine().high.controller().stats().reads, 0U);

    machine().high.socket->invalidate_direct_mem_ptr(0x90000, 0x9ffff);
    expect_as_alone(0xa0000, 20'000'000);
    EXPECT_EQ(machine().granting.transports, 3U);
    expect_as_alone(0x40, 30'000'000);
    expect_as_alone(0xb0000, 40'000'000);
    EXPECT_EQ(machine().granting.transports, 3U);
}

TEST_F(MemoryModules, PlainTransactionWithoutTheExtensionIsServed) {
    tlm::tlm_generic_payload payload;
    unsigned char data[128]{};
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(0x40);
    payload.set_data_ptr(data);
    payload.set_data_length(sizeof data);
    payload.set_streaming_width(sizeof data);
    sc_core::sc_time delay(100, sc_core::SC_NS);
    const std::uint64_t writes = machine().dram.controller().stats().writes;
    machine().dram_llc.memory_socket()->b_transport(payload, delay);
    EXPECT_TRUE(payload.is_response_ok());
    EXPECT_EQ(machine().dram.controller().stats().writes, writes + 2);
    EXPECT_GE(delay, sc_core::sc_time(100, sc_core::SC_NS));
}

TEST_F(MemoryModules, WholeHierarchyRunsOnAStockMemory) {
    PrivateHierarchy core({}, CpuId{0}, Clock(4'000'000'000), machine().stock_llc.cache(), 1);
    const std::uint64_t cycle = 1'000'000;
    const AccessResult result = core.load(PhysAddr(0x40000), Cycles(cycle), VirtAddr(1));
    EXPECT_EQ(result.level, HitLevel::Memory);
    // 5 + 9 cycles of 250 ps, the LLC, 80 ns; in whole cycles.
    EXPECT_EQ(result.ready.value(), cycle + (14 * 250 + llc_lookup + 80'000 + 249) / 250);
}

} // namespace
} // namespace pagewalk::models
