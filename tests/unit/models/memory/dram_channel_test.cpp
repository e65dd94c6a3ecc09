#include "base/rng.h"
#include "models/memory/address_mapping.h"
#include "models/memory/dram_channel.h"
#include "tests/unit/models/memory/dram_command_checker.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using Kind = DramCommand::Kind;
constexpr std::uint64_t quiet = 1'600; // clocks, between refreshes 0 and 1
constexpr std::uint64_t forever = std::numeric_limits<std::uint64_t>::max();

/// DDR4-3200 22-22-22 without hashing.
DramConfig plain() {
    DramConfig config;
    config.bank_hash = BankHash::Off;
    return config;
}

/// A channel and the commands that it gives.
struct Rig {
    explicit Rig(DramConfig chosen = plain()) : config(chosen) { channel.record(commands); }

    [[nodiscard]] static DramPlace at(std::uint32_t group, std::uint32_t bank, std::uint64_t row) {
        return {.bank_group = group, .bank = group * 4 + bank, .row = row};
    }
    std::uint64_t read(const DramPlace& place, std::uint64_t time) {
        return channel.read(place, m_line++, time);
    }
    std::uint64_t write(const DramPlace& place, std::uint64_t time) {
        return channel.write(place, m_line++, time);
    }
    /// When the commands of a kind to a row were given, after everything is served.
    std::vector<std::uint64_t> given(Kind kind, std::uint64_t row) {
        channel.serve(forever);
        std::vector<std::uint64_t> times;
        for (const DramCommand& one : commands)
            if (one.kind == kind && one.row == row) times.push_back(one.time);
        return times;
    }

    DramConfig config;
    DramTiming timing = config.full_timing();
    DramStats stats;
    std::vector<DramCommand> commands;
    DramChannel channel{config, timing, stats};

private:
    std::uint64_t m_line = 0;
};

TEST(DramChannel, RowHitThatComesLaterGoesBeforeAConflictNotYetBegun) {
    Rig rig;
    rig.read(Rig::at(0, 0, 1), quiet);
    rig.read(Rig::at(0, 0, 2), quiet + 10); // may close the row at tRAS = 52
    rig.read(Rig::at(0, 0, 1), quiet + 45);
    EXPECT_EQ(rig.given(Kind::Read, 1), (std::vector{quiet + 22, quiet + 45}));
    // Not before tRTP = 12 behind the hit.
    EXPECT_EQ(rig.given(Kind::Precharge, 1), std::vector{quiet + 45 + 12});
    EXPECT_EQ(rig.stats.row_hits, 1U);
    EXPECT_EQ(rig.stats.row_conflicts, 1U);
}

TEST(DramChannel, RowHitThatComesBehindThePrechargeWaitsForItsRow) {
    Rig rig;
    rig.read(Rig::at(0, 0, 1), quiet);
    rig.read(Rig::at(0, 0, 2), quiet + 10);
    rig.read(Rig::at(0, 0, 1), quiet + 53);
    EXPECT_EQ(rig.given(Kind::Activate, 1).size(), 2U);
    EXPECT_EQ(rig.given(Kind::Precharge, 1).front(), quiet + 52);
}

TEST(DramChannel, ConflictGoesFirstWhereTheCapOfHitsIsReached) {
    for (const std::uint32_t cap : {2U, 8U}) {
        DramConfig config = plain();
        config.row_hit_cap = cap;
        config.timing.t_ccd_l = Cycles(16); // longer than tRTP = 12: the row might be closed between two hits
        Rig rig(config);
        rig.read(Rig::at(0, 0, 1), quiet);
        rig.read(Rig::at(0, 0, 2), quiet + 1);
        for (int i = 0; i < 5; ++i) rig.read(Rig::at(0, 0, 1), quiet + 40);
        EXPECT_EQ(rig.given(Kind::Activate, 1).size(), cap == 2 ? 2U : 1U) << cap;
    }
}

TEST(DramChannel, RequestsBehindARefreshOfManyMillionClocksAreServedInTurn) {
    DramConfig config = plain();
    config.timing.t_refi = Tick(ticks_per_second);
    config.timing.t_rfc = Tick(ticks_per_second / 5); // 320 million clocks
    Rig rig(config);
    const std::uint64_t refreshed = rig.timing.t_refi.value();
    rig.read(Rig::at(1, 0, 1), refreshed + 10);
    rig.read(Rig::at(0, 0, 1), refreshed + 20);
    rig.channel.serve(refreshed + 1'000);
    const std::uint64_t end = refreshed + (rig.timing.t_rp + rig.timing.t_rfc).value();
    EXPECT_EQ(rig.given(Kind::Activate, 1), (std::vector{end, end + 4}));
    EXPECT_EQ(rig.commands.front().group, 1U);
}

TEST(DramChannel, BusAlternatesBetweenBankGroups) {
    // Eight lines of two rows in two groups, all of one asked for first: 4 clocks apart, not tCCD_L = 8.
    Rig rig;
    for (const std::uint32_t group : {0U, 1U})
        for (int i = 0; i < 8; ++i) rig.read(Rig::at(group, 0, 1), quiet);
    const std::vector<std::uint64_t> reads = rig.given(Kind::Read, 1);
    EXPECT_EQ(reads.back() - reads.front(), 15 * 4U);
}

TEST(DramChannel, WritesWaitForTheHighMarkAndThenGoBeforeTheReadsThatWait) {
    Rig rig;
    rig.read(Rig::at(0, 0, 1), quiet);
    for (std::uint32_t i = 0; i + 1 < rig.config.write_high; ++i)
        rig.write(Rig::at(i % 4, 1 + i / 4 % 3, 2), quiet);
    rig.channel.serve(quiet + 20);
    EXPECT_EQ(rig.stats.drains, 0U);
    EXPECT_EQ(rig.commands.size(), 1U); // the read's activate
    rig.write(Rig::at(0, 1, 2), quiet + 20);
    rig.read(Rig::at(0, 1, 3), quiet + 21);
    rig.channel.serve(quiet + 21);
    EXPECT_EQ(rig.stats.drains, 1U);
    const std::uint64_t read = rig.given(Kind::Read, 3).front();
    EXPECT_GT(read, rig.given(Kind::Write, 2)[rig.config.write_high / 2]);
}

TEST(DramChannel, StrictTurnsHoldReadsBackUntilWritesAreFewAndThenTheLastWrites) {
    for (const WriteTurns turns : {WriteTurns::Mixed, WriteTurns::Strict}) {
        DramConfig config = plain();
        config.write_turns = turns;
        config.write_high = 8;
        config.write_low = 2;
        config.write_idle = 256;
        Rig rig(config);
        rig.read(Rig::at(0, 0, 1), quiet);
        for (std::uint32_t i = 0; i < 8; ++i) rig.write(Rig::at(i % 4, 1 + i / 4, 2), quiet + 30);
        rig.read(Rig::at(0, 0, 1), quiet + 30); // its row is open
        const std::uint64_t read = rig.given(Kind::Read, 1).back();
        const std::vector<std::uint64_t> written = rig.given(Kind::Write, 2);
        ASSERT_GE(written.size(), 6U);
        if (turns == WriteTurns::Mixed) {
            EXPECT_LT(read, written[0]);
        } else {
            // Seven of eight; the last waits for another batch.
            EXPECT_EQ(written.size(), 7U);
            EXPECT_GT(read, written[6]);
        }
        EXPECT_EQ(rig.stats.drains, 1U);
    }
}

TEST(DramChannel, StrictTurnsGoBackToReadsAtOnceWhereTheWritesAreFew) {
    DramConfig config = plain();
    config.write_turns = WriteTurns::Strict;
    config.write_idle = 1;
    Rig rig(config);
    for (std::uint32_t i = 0; i < 8; ++i) rig.write(Rig::at(0, 1, 2 + i), quiet);
    rig.channel.serve(quiet + 60); // the first of eight rows of a bank
    rig.read(Rig::at(1, 0, 99), quiet + 60);
    const std::uint64_t read = rig.given(Kind::Read, 99).front();
    EXPECT_LT(read, rig.given(Kind::Write, 3).front());
    // The others are written then.
    EXPECT_EQ(rig.given(Kind::Write, 9).size(), 1U);
}

TEST(DramChannel, FewWritesWaitForMoreEvenWhereTheChannelIsIdle) {
    Rig rig;
    for (std::uint32_t i = 0; i < rig.config.write_idle - 1; ++i) rig.write(Rig::at(i % 4, 0, 1), quiet);
    rig.channel.serve(2 * quiet);
    EXPECT_TRUE(rig.commands.empty());
    rig.write(Rig::at(0, 1, 1), 2 * quiet);
    rig.channel.serve(3 * quiet);
    EXPECT_EQ(rig.stats.bus_busy, rig.config.write_idle * 2'500U);
}

TEST(DramChannel, RequestThatComesLateIsServedInTheOrderOfTime) {
    // The first tells how late requests come; from then on the channel lags behind by as much.
    Rig rig;
    rig.read(Rig::at(3, 3, 9), quiet + 400);
    rig.read(Rig::at(3, 2, 9), quiet);
    rig.read(Rig::at(0, 0, 1), 2 * quiet);
    rig.read(Rig::at(0, 0, 2), 2 * quiet - 300);
    EXPECT_EQ(rig.given(Kind::Activate, 2), std::vector{2 * quiet - 300});
    EXPECT_EQ(rig.given(Kind::Activate, 1).size(), 1U);
    EXPECT_GT(rig.given(Kind::Activate, 1).front(), 2 * quiet - 300);
}

TEST(DramChannel, QueueThatIsFullTakesTheNextWhenOneIsServed) {
    DramConfig config = plain();
    config.read_queue = 1;
    config.bank_queue = 1;
    Rig rig(config);
    // Of row 2, two wait outside; a hit behind them is not seen in time.
    for (const std::uint64_t row : {1, 2, 2, 1}) rig.read(Rig::at(0, 0, row), quiet);
    EXPECT_EQ(rig.given(Kind::Activate, 1).size(), 2U);
    Rig wide;
    for (const std::uint64_t row : {1, 2, 2, 1}) wide.read(Rig::at(0, 0, row), quiet);
    EXPECT_EQ(wide.given(Kind::Activate, 1).size(), 1U);
}

struct Traffic {
    const char* name;
    DramDevice device;
    std::uint32_t ranks;
    PagePolicy policy;
    std::uint64_t gap;      ///< mean clocks between accesses
    std::uint64_t disorder; ///< how much earlier than the latest an access may be, in clocks
    std::uint64_t rows;
};

void PrintTo(const Traffic& traffic, std::ostream* out) { *out << traffic.name; }

class DramChannelTraffic : public testing::TestWithParam<Traffic> {
protected:
    static DramConfig config() {
        DramConfig config;
        config.device = GetParam().device;
        config.ranks = GetParam().ranks;
        config.page_policy = GetParam().policy;
        return config;
    }
};

struct Asked {
    DramPlace place;
    bool write;
    std::uint64_t time;
};

/// Each access is served once, and none before it was asked for.
void check_served(const std::vector<Asked>& all, const std::vector<DramCommand>& commands) {
    using Key = std::tuple<std::uint32_t, std::uint64_t, bool>;
    std::map<Key, std::vector<std::uint64_t>> asked, served;
    for (const Asked& one : all) asked[{one.place.bank, one.place.row, one.write}].push_back(one.time);
    for (const DramCommand& one : commands)
        if (one.kind == Kind::Read || one.kind == Kind::Write)
            served[{one.bank, one.row, one.kind == Kind::Write}].push_back(one.time);
    ASSERT_EQ(asked.size(), served.size());
    for (auto& [key, times] : asked) {
        std::vector<std::uint64_t>& answers = served[key];
        ASSERT_EQ(times.size(), answers.size());
        std::ranges::sort(times);
        std::ranges::sort(answers);
        for (std::size_t i = 0; i < times.size(); ++i) EXPECT_GE(answers[i], times[i]);
    }
}

TEST_P(DramChannelTraffic, NoCommandComesTooEarlyAndEachAccessIsServedOnce) {
    const Traffic& traffic = GetParam();
    DramConfig chosen = config();
    chosen.write_idle = 1;
    chosen.write_low = 0;
    Rig rig(chosen);
    const AddressMapper mapper(chosen);
    const DramOrganisation& organisation = chosen.organisation();
    Rng rng(21, traffic.name);
    const std::uint64_t lines = traffic.rows * chosen.ranks * organisation.bank_groups * organisation.banks *
                                (organisation.row_bytes / line_size);
    std::vector<Asked> all;
    std::uint64_t now = 3'200;
    bool writing = false;
    for (int i = 0; i < 12'000; ++i) {
        now += rng.below(2 * traffic.gap);
        if (rng.below(8) == 0) writing = !writing;
        const Asked one{mapper.place(PhysAddr(rng.below(lines) * line_size)), writing,
                        now - rng.below(traffic.disorder + 1)};
        writing ? rig.write(one.place, one.time) : rig.read(one.place, one.time);
        all.push_back(one);
    }
    rig.channel.serve(forever);
    EXPECT_GT(rig.stats.row_hits, 0U);
    EXPECT_EQ(rig.stats.row_hits + rig.stats.row_misses + rig.stats.row_conflicts, all.size());
    check_served(all, rig.commands);
    DramCommandChecker(chosen, rig.timing).check(rig.commands);
}

TEST_P(DramChannelTraffic, ForecastsAreRightOnAverageOnceTheLoadIsKnown) {
    const Traffic& traffic = GetParam();
    Rig rig(config());
    const AddressMapper mapper(rig.config);
    Rng rng(22, traffic.name);
    double expected = 0, served = 0, asked = 0;
    std::uint64_t now = 3'200;
    constexpr std::size_t count = 100'000, learning = 40'000;
    for (std::size_t i = 0; i < count; ++i) {
        now += 1 + rng.below(2 * traffic.gap + 12);
        const std::uint64_t time = now - rng.below(traffic.disorder + 1);
        const std::uint64_t answer = rig.read(mapper.place(PhysAddr(rng.below(1 << 24) * line_size)), time);
        if (i < learning) continue;
        expected += static_cast<double>(answer);
        asked += static_cast<double>(time);
    }
    rig.channel.serve(forever);
    // The channel serves in the order of time, but for a few at the edge.
    std::vector<std::uint64_t> ends;
    for (const DramCommand& one : rig.commands)
        if (one.kind == Kind::Read) ends.push_back(one.time + (rig.timing.t_cl + rig.timing.burst).value());
    ASSERT_EQ(ends.size(), count);
    for (std::size_t i = learning; i < count; ++i) served += static_cast<double>(ends[i]);
    EXPECT_NEAR(expected, served, 0.02 * (served - asked));
}

INSTANTIATE_TEST_SUITE_P(
    Orders, DramChannelTraffic,
    testing::Values(
        Traffic{"InOrder", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Open, 32, 0, 8},
        Traffic{"OutOfOrder", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Open, 32, 400, 8},
        Traffic{"MoreThanItCanServe", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Open, 6, 80, 64},
        Traffic{"TwoRanks", DramDevice::Ddr4_3200_8Gb_x8, 2, PagePolicy::Open, 13, 400, 2},
        Traffic{"FewRows", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Open, 10, 160, 2},
        Traffic{"ClosedPages", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Closed, 24, 400, 2},
        Traffic{"TimedOutPages", DramDevice::Ddr4_3200_8Gb_x8, 1, PagePolicy::Timeout, 24, 400, 2},
        Traffic{"Ddr4_2400", DramDevice::Ddr4_2400_8Gb_x8, 2, PagePolicy::Open, 12, 300, 4},
        Traffic{"Ddr5", DramDevice::Ddr5_4800_16Gb_x8, 1, PagePolicy::Open, 24, 600, 4},
        Traffic{"X16", DramDevice::Ddr4_3200_8Gb_x16, 1, PagePolicy::Open, 24, 300, 4},
        Traffic{"X4", DramDevice::Ddr4_3200_8Gb_x4, 1, PagePolicy::Open, 16, 300, 4},
        Traffic{"Ddr5_6400", DramDevice::Ddr5_6400_16Gb_x8, 1, PagePolicy::Open, 24, 600, 4},
        Traffic{"Ddr5TwoRanks", DramDevice::Ddr5_4800_16Gb_x8, 2, PagePolicy::Open, 12, 1200, 4}),
    [](const auto& instance) { return std::string(instance.param.name); });

} // namespace
} // namespace pagewalk::models
