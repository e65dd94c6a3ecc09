#include "models/device/block_controller.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};
constexpr DeviceId device{3};

/// A device over a memory that answers after 100 ns.
struct Controller : testing::Test, MemoryPort, InterruptController {
    std::vector<LineRequest> lines;
    struct Raised {
        CpuId cpu;
        Tick at;
    };
    std::vector<Raised> raised;
    Tick now;
    std::vector<BusPage> pages{BusPage(100), BusPage(200)};
    PhysAddr refused{~0ULL}; ///< a line
    BlockDeviceConfig config{.kind = BlockDeviceKind::Nvme};

    Tick access(const LineRequest& request) override {
        EXPECT_EQ(request.requester, RequesterId(device));
        if (request.line == refused) return no_time;
        lines.push_back(request);
        return request.time + Tick(100'000);
    }
    void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
        EXPECT_EQ(interrupt.kind, InterruptKind::Device);
        EXPECT_EQ(interrupt.source, 3U);
        raised.push_back({cpu, at});
    }
    BlockController make() {
        BlockController controller(config, device, {*this, *this}, 1);
        controller.set_rings(cpu0, {BusAddr(0x10000), BusAddr(0x20000), 4});
        controller.set_rings(cpu1, {BusAddr(0x30000), BusAddr(0x40000), 4});
        return controller;
    }
    BlockRequest request(BlockRequest::Kind kind, std::uint64_t tag = 1, CpuId cpu = cpu0) {
        return {.kind = kind, .sector = 8000, .bytes = 8192, .cpu = cpu, .tag = tag, .pages = pages};
    }
    void run(BlockController& controller) {
        while (controller.next() != no_time) controller.advance(now = controller.next());
    }
    static std::vector<BlockCompletion> take(BlockController& controller, CpuId cpu, Tick now) {
        std::array<BlockCompletion, 16> done;
        return {done.begin(),
                done.begin() + static_cast<std::ptrdiff_t>(controller.take_completions(cpu, now, done))};
    }
    [[nodiscard]] std::uint64_t count(AccessKind kind, PhysAddr begin, std::uint64_t bytes) const {
        return static_cast<std::uint64_t>(std::ranges::count_if(lines, [&](const LineRequest& each) {
            return each.kind == kind && each.line >= begin && each.line < begin + bytes;
        }));
    }
};

TEST_F(Controller, MovesEveryLineOfAReadIntoItsPages) {
    BlockController controller = make();
    controller.submit(request(BlockRequest::Kind::Read), Tick());
    run(controller);
    for (const BusPage page : pages)
        EXPECT_EQ(count(AccessKind::WriteBack, on_the_bus(address_of(page)), page_size),
                  page_size / line_size);
    EXPECT_EQ(controller.stats().lines_written, 2 * page_size / line_size);
    EXPECT_EQ(controller.stats().bytes_read, 2 * page_size);
    EXPECT_EQ(lines.size(), controller.stats().lines_written + controller.stats().ring_lines);
}

TEST_F(Controller, FetchesRequestsFromAndCompletesThemInRings) {
    BlockController controller = make();
    for (std::uint64_t tag = 0; tag < 5; ++tag) {
        controller.submit(request(BlockRequest::Kind::Read, tag), now);
        run(controller);
    }
    EXPECT_EQ(count(AccessKind::Dma, PhysAddr(0x10000), 64), 2U); // the fifth comes round to the first entry
    EXPECT_EQ(count(AccessKind::Dma, PhysAddr(0x10000 + 3 * 64), 64), 1U);
    EXPECT_EQ(count(AccessKind::WriteBack, PhysAddr(0x20000), 64), 5U);
    EXPECT_EQ(controller.stats().ring_lines, 10U);
}

TEST_F(Controller, TakesAsLongAsItsParts) {
    config.changed.read_latency = Tick(50'000'000);
    BlockController controller = make();
    controller.submit({.bytes = 4096, .tag = 7, .pages = pages}, Tick());
    run(controller);
    ASSERT_EQ(raised.size(), 1U);
    // Doorbell, entry, command, page within 5 %, 4 KiB at 7 GB/s, the completion and its interrupt.
    const double expected = 270e3 + 100e3 + 540e3 + 600e3 + 50e6 + 585e3 + 100e3 + 100e3 + 270e3;
    EXPECT_NEAR(static_cast<double>(raised[0].at.value()), expected, 2.6e6);
    EXPECT_TRUE(take(controller, cpu0, raised[0].at - Tick(1)).empty());
    const auto done = take(controller, cpu0, raised[0].at);
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].tag, 7U);
    EXPECT_EQ(done[0].status, BlockStatus::Done);
    EXPECT_LT(done[0].moved, raised[0].at);
    EXPECT_GT(done[0].moved, raised[0].at - Tick(1'000'000));
}

TEST_F(Controller, InterruptsTheCpuThatSubmitted) {
    BlockController controller = make();
    controller.submit(request(BlockRequest::Kind::Read, 1, cpu1), Tick());
    run(controller);
    ASSERT_EQ(raised.size(), 1U);
    EXPECT_EQ(raised[0].cpu, cpu1);
    EXPECT_EQ(count(AccessKind::Dma, PhysAddr(0x30000), 64), 1U);
    EXPECT_TRUE(take(controller, cpu0, no_time - Tick(1)).empty());
    EXPECT_EQ(take(controller, cpu1, no_time - Tick(1)).size(), 1U);
}

TEST_F(Controller, CompletesAWriteFromItsCacheBeforeItIsProgrammed) {
    BlockController controller = make();
    controller.submit(request(BlockRequest::Kind::Write), Tick());
    while (raised.empty()) controller.advance(controller.next());
    EXPECT_LT(raised[0].at, Tick(20'000'000));
    EXPECT_EQ(count(AccessKind::Dma, on_the_bus(address_of(pages[1])), page_size), page_size / line_size);
    EXPECT_NE(controller.next(), no_time);
    run(controller);
    EXPECT_EQ(controller.stats().writes, 1U);
}

TEST_F(Controller, HasWritesWaitForRoomInTheCache) {
    config.changed.write_cache = 8192;
    BlockController controller = make();
    controller.submit(request(BlockRequest::Kind::Write, 1), Tick());
    controller.submit(request(BlockRequest::Kind::Write, 2), Tick());
    run(controller);
    ASSERT_EQ(raised.size(), 2U);
    EXPECT_GT(raised[1].at - raised[0].at, Tick(100'000'000)); // a page had to be programmed
    EXPECT_EQ(controller.stats().cache_waits, 1U);
}

TEST_F(Controller, FlushesAVolatileCacheOnly) {
    for (const BlockDeviceKind kind : {BlockDeviceKind::Nvme, BlockDeviceKind::SataSsd}) {
        config = {.kind = kind};
        raised.clear();
        BlockController controller = make();
        controller.submit(request(BlockRequest::Kind::Write), Tick());
        while (raised.empty()) controller.advance(controller.next());
        const Tick written = raised[0].at;
        controller.submit({.kind = BlockRequest::Kind::Flush, .tag = 2}, written);
        run(controller);
        ASSERT_EQ(raised.size(), 2U);
        EXPECT_EQ(raised[1].at - written > Tick(50'000'000), kind == BlockDeviceKind::SataSsd);
    }
}

TEST_F(Controller, SharesTheLinkBetweenTransfers) {
    config.kind = BlockDeviceKind::Optane;
    config.changed.read_bandwidth = 1'000'000'000;
    BlockController controller = make();
    for (std::uint64_t tag = 0; tag < 8; ++tag)
        controller.submit(request(BlockRequest::Kind::Read, tag), Tick());
    run(controller);
    const Tick last = std::ranges::max(raised, {}, &Raised::at).at;
    EXPECT_GT(last, Tick(8 * 8'192'000)); // 8 KiB each, a byte a nanosecond
    EXPECT_LT(last, Tick(8 * 8'192'000 + 12'000'000));
}

TEST_F(Controller, CoalescesInterrupts) {
    config.kind = BlockDeviceKind::Optane;
    config.coalesced = 3;
    config.coalescing_time = Tick(500'000'000);
    BlockController controller = make();
    for (std::uint64_t tag = 0; tag < 4; ++tag)
        controller.submit(request(BlockRequest::Kind::Read, tag), Tick());
    run(controller);
    ASSERT_EQ(raised.size(), 2U); // of three, and of the one that has waited long enough
    EXPECT_GT(raised[1].at - raised[0].at, Tick(400'000'000));
    EXPECT_EQ(take(controller, cpu0, no_time - Tick(1)).size(), 4U);
}

TEST_F(Controller, InterruptsNobodyWhoPolls) {
    BlockController controller = make();
    BlockRequest polled = request(BlockRequest::Kind::Read);
    polled.notice = BlockRequest::Notice::Polled;
    controller.submit(polled, Tick());
    run(controller);
    EXPECT_TRUE(raised.empty());
    EXPECT_EQ(take(controller, cpu0, no_time - Tick(1)).size(), 1U);
}

/// Where an access is refused, each request that the device has is given back, and the next one works.
TEST_F(Controller, ForgetsItsRequestsWhereAnAccessIsRefused) {
    BlockController controller = make();
    const PhysAddr data = on_the_bus(address_of(pages[1])), entry(0x10000), completion(0x20000);
    Tick stopped;
    for (const PhysAddr line : {data, entry, completion}) {
        refused = line;
        raised.clear();
        const std::uint64_t resets = controller.stats().resets;
        for (std::uint64_t tag = 0; tag < 4; ++tag) // comes round to the rings' first entries
            controller.submit(request(BlockRequest::Kind::Read, tag, tag < 3 ? cpu0 : cpu1), now);
        run(controller);
        EXPECT_EQ(controller.stats().resets, resets + 1);
        stopped = now;
        std::size_t forgotten = 0;
        for (const CpuId cpu : {cpu0, cpu1})
            for (const BlockCompletion& done : take(controller, cpu, now + Tick(1'000'000)))
                if (done.status == BlockStatus::Reset) ++forgotten;
        EXPECT_GE(forgotten, 1U);
        EXPECT_GE(raised.size(), forgotten);
        EXPECT_EQ(controller.next(), no_time);
    }
    refused = PhysAddr(~0ULL);
    raised.clear();
    controller.submit(request(BlockRequest::Kind::Read), stopped);
    run(controller);
    ASSERT_EQ(raised.size(), 1U);
    EXPECT_GE(raised[0].at, stopped + Tick(10'000 * 1'000'000ULL)); // behind the reset
    EXPECT_EQ(take(controller, cpu0, raised[0].at)[0].status, BlockStatus::Done);
}

TEST_F(Controller, LosesNoWriteOfItsCacheWhenItIsReset) {
    config.kind = BlockDeviceKind::SataSsd;
    BlockController controller = make();
    controller.submit(request(BlockRequest::Kind::Write), Tick());
    while (raised.empty()) controller.advance(now = controller.next());
    refused = PhysAddr(0x10040); // the second entry
    controller.submit(request(BlockRequest::Kind::Write, 2), now);
    run(controller);
    EXPECT_EQ(controller.stats().resets, 1U);
    refused = PhysAddr(~0ULL);
    controller.submit(request(BlockRequest::Kind::Flush, 3), now);
    run(controller);
    EXPECT_EQ(controller.stats().flushes, 1U);
}

TEST_F(Controller, FailsAsManyRequestsAsItIsTold) {
    config.error_rate = 250'000;
    BlockController controller = make();
    int failed = 0;
    for (std::uint64_t tag = 0; tag < 400; ++tag) {
        controller.submit(request(BlockRequest::Kind::Read, tag), now);
        run(controller);
        for (const BlockCompletion& done : take(controller, cpu0, no_time - Tick(1)))
            failed += done.status == BlockStatus::MediumError ? 1 : 0;
    }
    EXPECT_NEAR(failed, 100, 30);
    EXPECT_EQ(controller.stats().errors, static_cast<std::uint64_t>(failed));
    EXPECT_EQ(controller.stats().reads, 400U - static_cast<std::uint64_t>(failed));
}

} // namespace
} // namespace pagewalk::models
