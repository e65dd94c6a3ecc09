#include "models/device/nic_controller.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};
constexpr DeviceId device{1};
constexpr Tick answer{100'000};
constexpr BusAddr ring{0x10000};

/// A NIC over a memory that answers after 100 ns.
struct Nic : testing::Test, MemoryPort, InterruptController {
    std::vector<LineRequest> lines;
    struct Raised {
        CpuId cpu;
        Tick at;
    };
    std::vector<Raised> raised;
    PhysAddr refused{~0ULL}; ///< a line
    /// A packet of 1024 bytes every microsecond.
    NicConfig config{
        .rate = 8'192'000'000, .packet_bytes = 1024, .ring_entries = 8, .interrupt_gap = Tick(0)};
    static constexpr Tick interval{1'000'000};

    Tick access(const LineRequest& request) override {
        EXPECT_EQ(request.requester, RequesterId(device));
        if (request.line == refused) return no_time;
        lines.push_back(request);
        return request.time + answer;
    }
    void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
        EXPECT_EQ(interrupt.source, 1U);
        raised.push_back({cpu, at});
    }
    NicController make() {
        NicController nic(config, device, {*this, *this}, 1);
        for (std::uint32_t i = 0; i < config.queues; ++i)
            nic.set_ring(static_cast<CpuId>(i), {ring + i * 0x1000, config.ring_entries});
        return nic;
    }
    static void post(NicController& nic, CpuId queue, std::uint64_t count, std::uint64_t first = 0x100000) {
        std::vector<BusAddr> buffers;
        for (std::uint64_t i = 0; i < count; ++i) buffers.emplace_back(first + i * page_size);
        nic.post(queue, buffers, Tick());
    }
    static std::vector<ReceivedPacket> take(NicController& nic, CpuId queue, Tick now) {
        std::array<ReceivedPacket, 64> packets;
        return {packets.begin(),
                packets.begin() + static_cast<std::ptrdiff_t>(nic.take_received(queue, now, packets))};
    }
    [[nodiscard]] std::uint64_t count(AccessKind kind, std::uint64_t begin, std::uint64_t bytes) const {
        return static_cast<std::uint64_t>(std::ranges::count_if(lines, [&](const LineRequest& each) {
            return each.kind == kind && each.line.value() >= begin && each.line.value() < begin + bytes;
        }));
    }
};

TEST_F(Nic, IsQuietUntilItsLinkIsUp) {
    NicController nic = make();
    post(nic, cpu0, 8);
    EXPECT_EQ(nic.next(), no_time);
    nic.start(Tick(500));
    EXPECT_EQ(nic.next(), Tick(500) + interval);
    nic.start(Tick(700)); // it is up already
    EXPECT_EQ(nic.next(), Tick(500) + interval);
}

TEST_F(Nic, WritesEveryLineOfAPacketThenItsDescriptor) {
    NicController nic = make();
    post(nic, cpu0, 8);
    nic.start(Tick());
    nic.advance(interval);
    EXPECT_EQ(count(AccessKind::WriteBack, 0x100000, 1024), 1024 / line_size);
    EXPECT_EQ(count(AccessKind::WriteBack, ring.value(), line_size), 1U);
    EXPECT_EQ(count(AccessKind::Dma, ring.value(), 2 * line_size), 2U); // eight descriptors, read by lines
    EXPECT_EQ(nic.stats().lines_written + nic.stats().ring_lines, lines.size());
    // The sixteenth line is sent after fifteen of 5.12 ns each; then the descriptor, then the link.
    const Tick written = interval + Tick(15 * 5'120) + answer + answer + NicConfig::link_latency;
    EXPECT_TRUE(take(nic, cpu0, written - Tick(1)).empty());
    const auto packets = take(nic, cpu0, written);
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_EQ(packets[0].bytes, 1024U);
    EXPECT_EQ(packets[0].arrived, interval);
    EXPECT_EQ(packets[0].written, written);
}

TEST_F(Nic, DropsWhatFindsNoBuffer) {
    NicController nic = make();
    post(nic, cpu0, 2);
    nic.start(Tick());
    nic.advance(Tick(5 * interval.value()));
    EXPECT_EQ(nic.stats().packets, 2U);
    EXPECT_EQ(nic.stats().dropped, 3U);
    EXPECT_EQ(nic.stats().bytes, 2048U);
}

TEST_F(Nic, InterruptsOnceUntilItIsAllowedAgain) {
    NicController nic = make();
    post(nic, cpu0, 8);
    nic.start(Tick());
    nic.advance(Tick(3 * interval.value()));
    ASSERT_EQ(raised.size(), 1U);
    EXPECT_EQ(raised[0].cpu, cpu0);
    take(nic, cpu0, Tick(2 * interval.value())); // the third is left
    nic.enable_interrupt(cpu0, Tick(3 * interval.value() + 500'000));
    nic.advance(Tick(3 * interval.value() + 500'000));
    EXPECT_EQ(raised.size(), 2U);
}

TEST_F(Nic, KeepsInterruptsApart) {
    config.interrupt_gap = Tick(10 * interval.value());
    NicController nic = make();
    post(nic, cpu0, 8);
    nic.start(Tick());
    Tick now;
    for (; nic.next() <= Tick(7 * interval.value());) nic.advance(now = nic.next());
    EXPECT_TRUE(raised.empty()); // the first, too, comes ten packets after the beginning
    while (raised.empty()) nic.advance(now = nic.next());
    EXPECT_EQ(raised[0].at, Tick(10 * interval.value()));
}

/// Where a packet is sent.
struct Sending : Nic {
    static constexpr BusAddr send_ring{0x20000};
    NicController make_sending() {
        NicController nic = make();
        for (std::uint32_t i = 0; i < config.queues; ++i)
            nic.set_send_ring(static_cast<CpuId>(i), {send_ring + i * 0x1000, config.ring_entries});
        return nic;
    }
    static void run(NicController& nic) {
        while (nic.next() != no_time) nic.advance(nic.next());
    }
};

TEST_F(Sending, ReadsEveryLineOfAMessageAndWritesItsDescriptorsBack) {
    NicController nic = make_sending();
    const std::array pieces{SendBuffer{BusAddr(0x100000), 4096, false},
                            SendBuffer{BusAddr(0x200020), 100, true}};
    nic.send(cpu0, pieces, Tick());
    run(nic);
    EXPECT_EQ(count(AccessKind::Dma, 0x100000, page_size), page_size / line_size);
    EXPECT_EQ(count(AccessKind::Dma, 0x200000, page_size), 3U); // 0x20 to 0x84
    EXPECT_EQ(count(AccessKind::Dma, send_ring.value(), line_size), 1U);
    EXPECT_EQ(count(AccessKind::WriteBack, send_ring.value(), line_size), 1U);
    EXPECT_EQ(nic.stats().lines_read + nic.stats().ring_lines, lines.size());
    EXPECT_EQ(nic.stats().packets_sent, 5U); // of 1024 bytes
    EXPECT_EQ(nic.stats().bytes_sent, 4196U);
    // The doorbell, the descriptors there and back, two pieces on the wire; the last line; the descriptors'
    // way.
    const Tick begun = answer + NicConfig::link_latency * 3;
    const Tick second = begun + Tick(4096 * 80);
    const Tick written =
        second + Tick(2 * 5'120) + answer + NicConfig::link_latency * 2 + answer + NicConfig::link_latency;
    ASSERT_EQ(raised.size(), 1U);
    EXPECT_EQ(raised[0].at, written);
    EXPECT_EQ(nic.take_sent(cpu0, written - Tick(1)), 0U);
    EXPECT_EQ(nic.take_sent(cpu0, written), 2U);
    EXPECT_EQ(nic.take_sent(cpu0, written), 0U);
}

TEST_F(Sending, TakesItsQueuesMessageByMessage) {
    config.queues = 2;
    NicController nic = make_sending();
    const auto message = [](std::uint64_t at) {
        return std::array{SendBuffer{BusAddr(at), 4096, false},
                          SendBuffer{BusAddr(at + page_size), 4096, true}};
    };
    nic.send(cpu0, message(0x100000), Tick());
    nic.send(cpu0, message(0x110000), Tick());
    nic.send(cpu1, message(0x200000), Tick());
    run(nic);
    std::vector<std::uint64_t> order;
    for (const LineRequest& line : lines)
        if (line.kind == AccessKind::Dma && line.line.value() >= 0x100000 && line.line.page_offset() == 0)
            order.push_back(line.line.value());
    EXPECT_EQ(order,
              (std::vector<std::uint64_t>{0x100000, 0x101000, 0x200000, 0x201000, 0x110000, 0x111000}));
}

TEST_F(Sending, SendsNoFasterThanTheWire) {
    config.ring_entries = 1024;
    NicController nic = make_sending();
    const std::vector<SendBuffer> pieces(500, {BusAddr(0x100000), 4096, true});
    nic.send(cpu0, pieces, Tick());
    Tick end;
    while (nic.stats().packets_sent != 500 * 4) nic.advance(end = nic.next());
    EXPECT_GE(end, Tick(499 * 4096 * 80)); // 80 ps for a byte at 100 Gbit/s
    EXPECT_LT(end, Tick(500 * 4096 * 80 + 2'000'000));
}

TEST_F(Sending, GoesOnAfterAReset) {
    NicController nic = make_sending();
    refused = PhysAddr(0x100'080);
    const std::array piece{SendBuffer{BusAddr(0x100000), 1024, true}};
    nic.send(cpu0, piece, Tick());
    run(nic);
    EXPECT_TRUE(nic.has_stopped());
    EXPECT_EQ(nic.stats().packets_sent, 0U);
    refused = PhysAddr(~0ULL);
    nic.reset(Tick(5'000'000));
    run(nic);
    EXPECT_EQ(nic.stats().packets_sent, 1U);
    EXPECT_EQ(nic.stats().missed, 0U); // nobody receives
}

TEST_F(Nic, StopsWhereAnAccessIsRefusedUntilItIsReset) {
    for (const std::uint64_t line :
         {std::uint64_t{0x101'040}, ring.value() + line_size}) { // data, descriptor
        NicController nic = make();
        post(nic, cpu0, 8);
        raised.clear();
        refused = PhysAddr(~0ULL);
        nic.start(Tick());
        nic.advance(interval);
        refused = PhysAddr(line);
        Tick now = interval;
        while (!nic.has_stopped()) nic.advance(now = nic.next());
        const std::uint64_t packets = nic.stats().packets;
        EXPECT_EQ(nic.stats().dropped, 1U);
        EXPECT_EQ(nic.next(), no_time);
        EXPECT_EQ(raised.back().cpu, cpu0);
        EXPECT_EQ(raised.back().at, now);

        refused = PhysAddr(~0ULL);
        nic.reset(now + interval);
        EXPECT_FALSE(nic.has_stopped());
        const Tick ready = now + interval + NicConfig::reset_time;
        nic.advance(ready);
        EXPECT_EQ(nic.stats().packets, packets);
        nic.advance(ready + interval);
        EXPECT_EQ(nic.stats().packets, packets + 1); // into the buffer that was refused
        EXPECT_EQ(nic.stats().missed, 1 + NicConfig::reset_time.value() / interval.value());
        EXPECT_EQ(nic.stats().resets, 1U);
    }
}

TEST_F(Nic, GivesEachFlowItsQueue) {
    config.queues = 2;
    config.flows = 4;
    config.ring_entries = 256;
    NicController nic = make();
    post(nic, cpu0, 256);
    post(nic, cpu1, 256, 0x800000);
    nic.start(Tick());
    nic.advance(Tick(200 * interval.value()));
    std::size_t total = 0;
    for (const CpuId cpu : {cpu0, cpu1})
        for (auto packets = take(nic, cpu, Tick(300 * interval.value())); !packets.empty();
             packets = take(nic, cpu, Tick(300 * interval.value()))) {
            total += packets.size();
            for (const ReceivedPacket& packet : packets) EXPECT_EQ(packet.flow % 2, index_of(cpu));
        }
    EXPECT_EQ(total, 200U);
}

} // namespace
} // namespace pagewalk::models
