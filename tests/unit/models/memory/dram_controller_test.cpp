#include "base/rng.h"
#include "models/memory/dram_controller.h"
#include "tests/support/dram_traffic.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// DDR4-3200 22-22-22: tCK 625 ps, CL = RCD = RP = 13.75 ns, burst 2.5 ns. No controller latency, no hashing,
/// so that places can be chosen by address.
DramConfig plain() {
    DramConfig config;
    config.controller_latency = Tick(0);
    config.bank_hash = BankHash::Off;
    return config;
}

constexpr std::uint64_t clocks(std::uint64_t n) { return n * 625; }
constexpr std::uint64_t quiet = 1'000'000; // between refreshes 0 and 1

/// Default geometry: 4 bank groups, 128 columns, 4 banks, then rows.
PhysAddr at(std::uint64_t row, std::uint64_t bank, std::uint64_t column, std::uint64_t group) {
    return PhysAddr((((row * 4 + bank) * 128 + column) * 4 + group) * 64);
}

Tick read(DramController& dram, PhysAddr address, std::uint64_t time) {
    return dram.access({address, CpuId{0}, AccessKind::Load, Tick(time)});
}

void write(DramController& dram, PhysAddr address, std::uint64_t time) {
    dram.access({address, CpuId{0}, AccessKind::WriteBack, Tick(time)});
}

/// After everything that waits is served.
const DramStats& served(DramController& dram) {
    dram.finish();
    return dram.stats();
}

TEST(DramController, IdleReadOfClosedBankTakesActivateColumnAndBurst) {
    DramController dram(plain());
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet).value(), quiet + clocks(22 + 22 + 4));
    EXPECT_EQ(served(dram).row_misses, 1U);
}

TEST(DramController, ReadBetweenTwoClockEdgesIsServedFromTheLaterOne) {
    for (const auto& [arrives, edge] : {std::pair{quiet, quiet},
                                        {quiet + 1, quiet + clocks(1)},
                                        {quiet + clocks(1), quiet + clocks(1)},
                                        {quiet + clocks(1) + 1, quiet + clocks(2)}}) {
        DramController dram(plain());
        EXPECT_EQ(read(dram, at(0, 0, 0, 0), arrives).value(), edge + clocks(22 + 22 + 4));
    }
}

TEST(DramController, ClockThatIsNoWholeNumberOfTicksDoesNotDrift) {
    DramConfig config = plain();
    config.device = DramDevice::Ddr4_2400_8Gb_x8;
    // 3 clocks are 2.5 ns: an edge, far from power-on.
    constexpr std::uint64_t edge = 3'600'000'000'000'000;
    DramController on(config);
    const std::uint64_t served = read(on, at(0, 0, 0, 0), edge).value();
    DramController before(config);
    EXPECT_EQ(read(before, at(0, 0, 0, 0), edge - 1).value(), served);
    DramController behind(config);
    EXPECT_EQ(read(behind, at(0, 0, 0, 0), edge + 1).value(), served + 833);
}

TEST(DramController, ControllerLatencyAddsToEveryRead) {
    DramConfig config = plain();
    config.controller_latency = Tick(10'001);
    DramController dram(config);
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet).value(), quiet + clocks(22 + 22 + 4) + 10'001);
}

TEST(DramController, RowHitTakesColumnAndBurst) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(0, 0, 1, 0), 2 * quiet).value(), 2 * quiet + clocks(22 + 4));
    EXPECT_EQ(served(dram).row_hits, 1U);
}

TEST(DramController, RowConflictPrechargesFirst) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(1, 0, 0, 0), 2 * quiet).value(), 2 * quiet + clocks(22 + 22 + 22 + 4));
    EXPECT_EQ(served(dram).row_conflicts, 1U);
}

TEST(DramController, ReadOfAQueuedWriteIsForwarded) {
    DramController dram(plain());
    write(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet + 1).value(), quiet + 1);
    EXPECT_EQ(dram.stats().forwarded, 1U);
}

TEST(DramController, ConflictWaitsForTheRowsMinimumTime) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    // Activated at once; precharge is allowed tRAS = 52 later, then tRP + tRCD + tCL + burst.
    EXPECT_EQ(read(dram, at(1, 0, 0, 0), quiet).value(), quiet + clocks(52 + 22 + 22 + 22 + 4));
}

TEST(DramController, RowHitOvertakesAnEarlierConflict) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    const std::uint64_t later = quiet + clocks(60);
    const std::uint64_t conflict = read(dram, at(1, 0, 0, 1), later).value();
    const std::uint64_t other_bank_hit = read(dram, at(0, 0, 1, 0), later).value();
    EXPECT_LT(other_bank_hit, conflict);
    EXPECT_EQ(other_bank_hit, later + clocks(22 + 4));
}

TEST(DramController, RandomReadsAreLimitedByTheFourActivateWindow) {
    DramController dram(plain());
    Rng rng(3, "rows");
    constexpr std::uint64_t reads = 4000;
    std::uint64_t last = 0;
    std::uint64_t known = 0;
    std::vector<std::uint64_t> recent(32);
    for (std::uint64_t i = 0; i < reads; ++i) {
        known = std::max(known, recent[i % recent.size()]);
        recent[i % recent.size()] = read(dram, PhysAddr(rng.below(1 << 26) * 64), known).value();
        last = std::max(last, recent[i % recent.size()]);
    }
    // Four activates in 21.25 ns at best.
    EXPECT_GE(last, reads / 4 * clocks(34));
    EXPECT_LE(last, reads / 4 * clocks(34) * 2);
}

TEST(DramController, StreamReachesThePeakRateButForRefreshes) {
    for (const DramDevice device :
         {DramDevice::Ddr4_2400_8Gb_x8, DramDevice::Ddr4_2666_8Gb_x8, DramDevice::Ddr4_2933_8Gb_x8,
          DramDevice::Ddr4_3200_8Gb_x8, DramDevice::Ddr4_3200_8Gb_x4, DramDevice::Ddr5_4800_16Gb_x8,
          DramDevice::Ddr5_5600_16Gb_x8, DramDevice::Ddr5_6400_16Gb_x8}) {
        DramConfig config;
        config.device = device;
        DramController dram(config);
        const DramTiming& t = dram.timing();
        const double peak = 64.0 / static_cast<double>(t.clock.to_ticks(t.burst * 1000).value()) * 1'000'000;
        const double reached = run_traffic(dram, {.streams = 1, .spacing = 1, .accesses = 100'000}).gb_per_s;
        const double refreshing =
            static_cast<double>((t.t_rp + t.t_rfc).value()) / static_cast<double>(t.t_refi.value());
        EXPECT_GE(reached, 0.95 * (1 - refreshing) * peak);
        EXPECT_LE(reached, peak);
    }
}

TEST(DramController, RefreshBlocksTheRankAndClosesItsRows) {
    // tREFI 7.8 us; blocked for tRP + tRFC = 13.75 + 350 ns.
    constexpr std::uint64_t refresh = 7'800'000, end = refresh + 13'750 + 350'000;
    for (const std::uint64_t known : {refresh, end - 1, end}) {
        DramController dram(plain());
        read(dram, at(0, 0, 0, 0), quiet);
        EXPECT_EQ(read(dram, at(0, 0, 1, 0), known).value(), end + clocks(22 + 22 + 4));
        EXPECT_EQ(served(dram).row_misses, 2U);
        EXPECT_EQ(served(dram).refreshes, 1U);
    }
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(0, 0, 1, 0), refresh - clocks(1)).value(), refresh - clocks(1) + clocks(22 + 4));
}

TEST(DramController, ActivateThatWouldReadDuringARefreshWaitsForItsEnd) {
    constexpr std::uint64_t refresh = 7'800'000, end = refresh + 13'750 + 350'000;
    DramController before(plain());
    EXPECT_EQ(read(before, at(0, 0, 0, 0), refresh - clocks(22 + 1)).value(),
              refresh - clocks(1) + clocks(22 + 4));
    DramController after(plain());
    EXPECT_EQ(read(after, at(0, 0, 0, 0), refresh - clocks(22)).value(), end + clocks(22 + 22 + 4));
}

TEST(DramController, ClosedPagePolicyMakesTheNextRowAMiss) {
    DramConfig config = plain();
    config.page_policy = PagePolicy::Closed;
    DramController dram(config);
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(1, 0, 0, 0), 2 * quiet).value(), 2 * quiet + clocks(22 + 22 + 4));
    EXPECT_EQ(served(dram).row_misses, 2U);
}

TEST(DramController, TimeoutPolicyClosesAnIdleRow) {
    DramConfig config = plain();
    config.page_policy = PagePolicy::Timeout;
    config.page_timeout = Tick(200'000);
    // The column command comes tRCD after the read is known; the row closes 200 ns after that.
    const std::uint64_t closes = quiet + clocks(22) + 200'000;
    DramController open(config);
    read(open, at(0, 0, 0, 0), quiet);
    read(open, at(0, 0, 1, 0), closes - clocks(1));
    EXPECT_EQ(served(open).row_hits, 1U);
    DramController closed(config);
    read(closed, at(0, 0, 0, 0), quiet);
    read(closed, at(0, 0, 1, 0), closes);
    EXPECT_EQ(served(closed).row_hits, 0U);
    EXPECT_EQ(served(closed).row_conflicts, 0U);
}

TEST(DramController, SecondWriteToAQueuedLineTakesNoPlace) {
    DramController dram(plain());
    for (int i = 0; i < 100; ++i) write(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(dram.stats().merged_writes, 99U);
    EXPECT_EQ(served(dram).drains, 0U);
}

/// Mean read of eight requesters, each in the order of time, who take turns of a quantum; ns.
double mean_read(std::uint64_t quantum, std::uint64_t writes_of_100) {
    struct Request {
        std::uint64_t turn, requester, time;
        PhysAddr line;
        bool is_write;
    };
    std::vector<Request> all;
    Rng rng(7, "requests");
    for (std::uint64_t requester = 0; requester < 8; ++requester)
        for (std::uint64_t time = quiet; time < 400 * quiet; time += rng.below(80'000))
            all.push_back({time / quantum, requester, time, PhysAddr(rng.below(1 << 24) * 64),
                           rng.below(100) < writes_of_100});
    std::ranges::sort(all, {}, [](const Request& r) { return std::tuple(r.turn, r.requester, r.time); });
    DramConfig config;
    config.channels = 8;
    DramController dram(config);
    double total = 0, reads = 0;
    for (const Request& request : all) {
        if (request.is_write) {
            write(dram, request.line, request.time);
            continue;
        }
        total += static_cast<double>(read(dram, request.line, request.time).value() - request.time);
        ++reads;
    }
    return total / reads / 1000;
}

TEST(DramController, MeanReadDoesNotMoveWithTheOrderOfArrival) {
    const double in_order = mean_read(1, 0);
    for (const std::uint64_t quantum : {250'000, 2'500'000})
        EXPECT_NEAR(mean_read(quantum, 0), in_order, 0.03 * in_order) << quantum;
}

TEST(DramController, MeanReadAmongWritesHardlyMovesWithTheOrderOfArrival) {
    // Served batches are not put off for a read that comes late, so it waits for the next gap.
    const double in_order = mean_read(1, 50);
    EXPECT_NEAR(mean_read(250'000, 50), in_order, 0.06 * in_order);
    EXPECT_NEAR(mean_read(2'500'000, 50), in_order, 0.12 * in_order);
}

double bandwidth(const DramConfig& config, const DramTraffic& traffic) {
    DramController dram(config);
    return run_traffic(dram, traffic).gb_per_s;
}

TEST(DramController, OpenRowsPayWhereRowsAreUsedAgainAndClosedOnesWhereNot) {
    DramConfig open, closed;
    closed.page_policy = PagePolicy::Closed;
    const DramTraffic stream{.streams = 1, .spacing = 1, .window = 2};
    EXPECT_GT(bandwidth(open, stream), 1.1 * bandwidth(closed, stream));
    const DramTraffic random{.window = 2};
    EXPECT_LT(1.1 * bandwidth(open, random), bandwidth(closed, random));
    // With many under way the scheduler serves each row's requests together whatever the policy.
    const DramTraffic many{.streams = 8, .spacing = 1'048'704};
    EXPECT_GT(1.05 * bandwidth(open, many), bandwidth(closed, many));
}

TEST(DramController, NeighboursInSeveralBankGroupsPayForAStream) {
    DramConfig interleaved, by_row;
    by_row.mapping = AddressMapping::RowInterleave;
    const DramTraffic stream{.streams = 1, .spacing = 1, .window = 16};
    // Within one group lines are tCCD_L = 8 clocks apart instead of 4.
    EXPECT_GT(bandwidth(interleaved, stream), 1.2 * bandwidth(by_row, stream));
}

TEST(DramController, HashedBanksPayForStreamsInRowsOfOneBank) {
    DramConfig hashed, plainly;
    plainly.bank_hash = BankHash::Off;
    const DramTraffic streams{.streams = 8, .spacing = 2048 * 1025}; // rows of one bank without hashing
    EXPECT_GT(bandwidth(hashed, streams), 1.5 * bandwidth(plainly, streams));
}

TEST(DramController, ChampSimsDefaultMemoryCanBeHad) {
    DramConfig config = plain();
    config.device = DramDevice::Custom;
    config.timing = facts_of(DramDevice::Ddr4_3200_8Gb_x8).timing;
    config.custom = {.bank_groups = 8, .banks = 4, .row_bytes = 8192, .channel_bytes = 8};
    config.timing.t_cl = config.timing.t_rcd = config.timing.t_rp = Cycles(24);
    config.timing.t_refi = Tick(32 * ticks_per_second / 1000 / 8192);
    DramController dram(config);
    EXPECT_EQ(read(dram, PhysAddr(0), quiet).value(), quiet + clocks(24 + 24 + 4));
}

} // namespace
} // namespace pagewalk::models
