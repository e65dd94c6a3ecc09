#include "base/rng.h"
#include "models/memory/dram_channel.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

struct Access {
    DramPlace place;
    BusDirection direction = BusDirection::Read;
    std::uint64_t time = 0;
    DramChannel::Commands commands;
};

/// Looks through all commands that a channel has given for any that come too early by JESD79-4C's and
/// JESD79-5B's rules. Knows nothing of how they were found.
class Checker {
public:
    Checker(const DramConfig& config, const DramTiming& timing) : m_config(config), t(timing) {}

    void check(std::vector<Access> all) const {
        for (const Access& one : all) check_alone(one);
        std::ranges::sort(all, {}, [&](const Access& one) { return data(one); });
        for (std::size_t i = 0; i < all.size(); ++i)
            for (std::size_t k = i + 1; k < all.size() && data(all[k]) - data(all[i]) < 200; ++k)
                check_transfers(all[i], all[k]);
        for (std::uint32_t rank = 0; rank < m_config.ranks; ++rank) check_activates(all, rank);
        for (std::uint32_t bank = 0; bank < m_config.ranks * m_config.bank_groups * m_config.banks; ++bank)
            check_bank(all, bank);
    }

private:
    [[nodiscard]] std::uint64_t data(const Access& one) const {
        return one.commands.column + (one.direction == BusDirection::Read ? t.t_cl : t.t_cwl).value();
    }
    [[nodiscard]] std::uint64_t shift(const Access& one) const {
        return t.t_refi.value() * one.place.rank / m_config.ranks;
    }
    /// Refreshes of its rank begun up to `time`.
    [[nodiscard]] std::uint64_t refreshes(const Access& one, std::uint64_t time) const {
        return time < shift(one) ? 0 : (time - shift(one)) / t.t_refi.value();
    }
    static void at_least(std::uint64_t later, std::uint64_t earlier, Cycles apart, const char* what) {
        EXPECT_GE(later, earlier + apart.value()) << what;
    }

    void check_alone(const Access& one) const {
        const DramChannel::Commands& c = one.commands;
        if (c.activates) {
            at_least(c.activated, one.time, Cycles(0), "activated before it was asked for");
        }
        at_least(c.column, one.time, Cycles(0), "served before it was asked for");
        at_least(c.column, c.activated, t.t_rcd, "tRCD");
        EXPECT_EQ(c.data_end, data(one) + t.burst.value());
        const std::uint64_t period = refreshes(one, c.activated);
        EXPECT_EQ(refreshes(one, c.column), period) << "row used behind a refresh";
        if (period > 0) {
            at_least(c.activated, shift(one) + period * t.t_refi.value(), t.t_rp + t.t_rfc, "tRFC");
        }
    }
    void check_transfers(const Access& first, const Access& second) const {
        at_least(data(second), data(first), t.burst, "bursts overlap");
        const bool same_rank = first.place.rank == second.place.rank;
        const bool same_group = same_rank && first.place.bank_group == second.place.bank_group;
        if (!same_rank ||
            (first.direction == BusDirection::Read && second.direction == BusDirection::Write)) {
            at_least(data(second), data(first), t.burst + t.t_rtrs, "tRTRS");
        } else if (first.direction == second.direction) {
            const Cycles ccd_l = first.direction == BusDirection::Read ? t.t_ccd_l : t.t_ccd_l_wr;
            at_least(second.commands.column, first.commands.column, same_group ? ccd_l : t.t_ccd_s, "tCCD");
        } else {
            at_least(second.commands.column, data(first), t.burst + (same_group ? t.t_wtr_l : t.t_wtr_s),
                     "tWTR");
        }
    }
    void check_activates(const std::vector<Access>& all, std::uint32_t rank) const {
        std::vector<Access> activates;
        std::ranges::copy_if(all, std::back_inserter(activates), [&](const Access& one) {
            return one.place.rank == rank && one.commands.activates;
        });
        const auto time = [](const Access& one) { return one.commands.activated; };
        std::ranges::sort(activates, {}, time);
        for (std::size_t i = 1; i < activates.size(); ++i) {
            at_least(time(activates[i]), time(activates[i - 1]), t.t_rrd_s, "tRRD_S");
            for (std::size_t k = i; k-- > 0 && time(activates[i]) - time(activates[k]) < t.t_rrd_l.value();)
                EXPECT_NE(activates[i].place.bank_group, activates[k].place.bank_group) << "tRRD_L";
            if (i >= 4) {
                at_least(time(activates[i]), time(activates[i - 4]), t.t_faw, "tFAW");
            }
        }
    }
    void check_bank(const std::vector<Access>& all, std::uint32_t bank) const {
        std::vector<Access> mine;
        std::ranges::copy_if(all, std::back_inserter(mine),
                             [&](const Access& one) { return one.place.bank == bank; });
        std::ranges::sort(mine, {}, [](const Access& one) { return one.commands.activated; });
        for (std::size_t i = 1; i < mine.size(); ++i)
            if (mine[i - 1].commands.activated == mine[i].commands.activated) {
                EXPECT_EQ(mine[i - 1].place.row, mine[i].place.row);
                EXPECT_FALSE(mine[i - 1].commands.activates && mine[i].commands.activates);
            }
        // Each access against the next activate behind its own.
        for (const Access& one : mine) {
            const auto next =
                std::ranges::upper_bound(mine, one.commands.activated, {},
                                         [](const Access& other) { return other.commands.activated; });
            if (next == mine.end() ||
                refreshes(one, next->commands.activated) != refreshes(one, one.commands.activated))
                continue;
            at_least(next->commands.activated, one.commands.activated, t.t_ras + t.t_rp, "tRC");
            if (one.direction == BusDirection::Read)
                at_least(next->commands.activated, one.commands.column, t.t_rtp + t.t_rp, "tRTP, tRP");
            else
                at_least(next->commands.activated, one.commands.data_end, t.t_wr + t.t_rp, "tWR, tRP");
        }
    }

    const DramConfig& m_config;
    const DramTiming& t;
};

struct Traffic {
    const char* name;
    DramStandard standard;
    std::uint32_t ranks;
    PagePolicy policy;
    std::uint64_t gap;      ///< mean clocks between accesses
    std::uint64_t disorder; ///< how much earlier than the latest an access may be, in clocks
    std::uint64_t rows;
};

void PrintTo(const Traffic& traffic, std::ostream* out) { *out << traffic.name; }

class DramChannelTraffic : public testing::TestWithParam<Traffic> {};

TEST_P(DramChannelTraffic, NoCommandComesTooEarly) {
    const Traffic& traffic = GetParam();
    DramConfig config;
    config.standard = traffic.standard;
    config.ranks = traffic.ranks;
    config.page_policy = traffic.policy;
    if (traffic.standard == DramStandard::Ddr5_4800) {
        config.channel_bytes = 4;
        config.bank_groups = 8;
    }
    const DramTiming timing = DramTiming::make(config.standard, config.timing, config.channel_bytes);
    const AddressMapper mapper(config);
    DramChannel channel(config, timing);
    Rng rng(21, traffic.name);
    const std::uint64_t lines =
        traffic.rows * config.ranks * config.bank_groups * config.banks * (config.row_bytes / line_size);
    std::vector<Access> all;
    std::uint64_t now = 3'200;
    bool writing = false;
    std::size_t hits = 0;
    for (int i = 0; i < 12'000; ++i) {
        now += rng.below(2 * traffic.gap);
        if (rng.below(8) == 0) writing = !writing;
        Access one{.place = mapper.place(PhysAddr(rng.below(lines) * line_size)),
                   .direction = writing ? BusDirection::Write : BusDirection::Read,
                   .time = now - rng.below(traffic.disorder + 1),
                   .commands = {}};
        one.commands = channel.plan(one.place, one.time, one.direction);
        channel.give(one.place, one.direction, one.commands);
        EXPECT_EQ(one.commands.activates, one.commands.outcome != RowOutcome::Hit);
        hits += one.commands.outcome == RowOutcome::Hit;
        all.push_back(one);
    }
    EXPECT_GT(hits, 0U);
    Checker(config, timing).check(all);
}

INSTANTIATE_TEST_SUITE_P(
    Orders, DramChannelTraffic,
    testing::Values(Traffic{"InOrder", DramStandard::Ddr4_3200, 1, PagePolicy::Open, 32, 0, 8},
                    Traffic{"OutOfOrder", DramStandard::Ddr4_3200, 1, PagePolicy::Open, 32, 400, 8},
                    Traffic{"MoreThanItCanServe", DramStandard::Ddr4_3200, 1, PagePolicy::Open, 6, 80, 64},
                    Traffic{"TwoRanks", DramStandard::Ddr4_3200, 2, PagePolicy::Open, 13, 400, 2},
                    Traffic{"FewRows", DramStandard::Ddr4_3200, 1, PagePolicy::Open, 10, 160, 2},
                    Traffic{"ClosedPages", DramStandard::Ddr4_3200, 1, PagePolicy::Closed, 24, 400, 2},
                    Traffic{"TimedOutPages", DramStandard::Ddr4_3200, 1, PagePolicy::Timeout, 24, 400, 2},
                    Traffic{"Ddr4_2400", DramStandard::Ddr4_2400, 2, PagePolicy::Open, 12, 300, 4},
                    Traffic{"Ddr5", DramStandard::Ddr5_4800, 1, PagePolicy::Open, 24, 600, 4},
                    Traffic{"Ddr5TwoRanks", DramStandard::Ddr5_4800, 2, PagePolicy::Open, 12, 1200, 4}),
    [](const auto& instance) { return std::string(instance.param.name); });

} // namespace
} // namespace pagewalk::models
