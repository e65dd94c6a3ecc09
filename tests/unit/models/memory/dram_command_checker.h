#pragma once

#include "models/memory/dram_command.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_timing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {

/// Replays the commands that a channel has given and fails where one comes too early by JESD79-4C's and
/// JESD79-5B's rules, or to a bank in the wrong state. Knows nothing of how they were found.
class DramCommandChecker {
public:
    DramCommandChecker(const DramConfig& config, const DramTiming& timing)
        : m_config(config), t(timing), m_banks(std::size_t{config.ranks} * config.organisation().bank_groups *
                                               config.organisation().banks) {}

    void check(std::vector<DramCommand> commands) {
        std::ranges::stable_sort(commands, {}, &DramCommand::time);
        std::vector<DramCommand> columns, activates;
        for (const DramCommand& command : commands) {
            check_bank(command);
            if (is_column(command)) {
                for (std::size_t i = columns.size(); i-- > 0 && command.time - columns[i].time < 400;)
                    check_columns(columns[i], command);
                columns.push_back(command);
            } else if (command.kind == DramCommand::Kind::Activate) {
                check_activates(activates, command);
                activates.push_back(command);
            }
        }
    }

private:
    using Kind = DramCommand::Kind;
    struct Bank {
        bool open = false;
        std::uint64_t row = 0, activated = 0, may_precharge = 0, may_activate = 0;
    };

    static bool is_column(const DramCommand& one) {
        return one.kind == Kind::Read || one.kind == Kind::Write;
    }
    static void at_least(std::uint64_t later, std::uint64_t earlier, Cycles apart, const char* what) {
        EXPECT_GE(later, earlier + apart.value()) << what;
    }
    [[nodiscard]] std::uint64_t shift(std::uint32_t rank) const {
        return t.t_refi.value() * rank / m_config.ranks;
    }
    /// Refreshes of a rank begun up to `time`.
    [[nodiscard]] std::uint64_t refreshes(std::uint32_t rank, std::uint64_t time) const {
        return time < shift(rank) ? 0 : (time - shift(rank)) / t.t_refi.value();
    }
    [[nodiscard]] std::uint64_t data(const DramCommand& one) const {
        return one.time + (one.kind == Kind::Read ? t.t_cl : t.t_cwl).value();
    }

    void check_bank(const DramCommand& one) {
        Bank& bank = m_banks[one.bank];
        const std::uint64_t period = refreshes(one.rank, one.time);
        if (bank.open && period != refreshes(one.rank, bank.activated)) bank = {};
        switch (one.kind) {
        case Kind::Activate:
            EXPECT_FALSE(bank.open);
            at_least(one.time, bank.may_activate, Cycles(0), "tRP, tRC");
            if (period > 0) {
                at_least(one.time, shift(one.rank) + period * t.t_refi.value(), t.t_rp + t.t_rfc, "tRFC");
            }
            bank = {.open = true,
                    .row = one.row,
                    .activated = one.time,
                    .may_precharge = one.time + t.t_ras.value()};
            break;
        case Kind::Precharge:
            EXPECT_TRUE(bank.open);
            at_least(one.time, bank.may_precharge, Cycles(0), "tRAS, tRTP, tWR");
            bank.open = false;
            bank.may_activate = one.time + t.t_rp.value();
            break;
        case Kind::Read:
        case Kind::Write:
            EXPECT_TRUE(bank.open);
            EXPECT_EQ(bank.row, one.row);
            at_least(one.time, bank.activated, t.t_rcd, "tRCD");
            bank.may_precharge =
                std::max(bank.may_precharge, one.kind == Kind::Read ? one.time + t.t_rtp.value()
                                                                    : data(one) + (t.burst + t.t_wr).value());
            break;
        }
    }
    void check_columns(const DramCommand& first, const DramCommand& second) const {
        const bool same_rank = first.rank == second.rank, same_group = first.group == second.group;
        at_least(data(second), data(first), t.burst, "bursts overlap");
        if (!same_rank || (first.kind == Kind::Read && second.kind == Kind::Write)) {
            at_least(data(second), data(first), t.burst + t.t_rtrs, "tRTRS");
        } else if (first.kind == second.kind) {
            const Cycles ccd_l = first.kind == Kind::Read ? t.t_ccd_l : t.t_ccd_l_wr;
            at_least(second.time, first.time, same_group ? ccd_l : t.t_ccd_s, "tCCD");
        } else {
            at_least(second.time, data(first), t.burst + (same_group ? t.t_wtr_l : t.t_wtr_s), "tWTR");
        }
    }
    void check_activates(const std::vector<DramCommand>& before, const DramCommand& one) const {
        std::size_t of_rank = 0;
        for (std::size_t i = before.size(); i-- > 0 && of_rank < 4;) {
            const DramCommand& other = before[i];
            if (other.rank != one.rank) continue;
            at_least(one.time, other.time, other.group == one.group ? t.t_rrd_l : t.t_rrd_s, "tRRD");
            if (++of_rank == 4) {
                at_least(one.time, other.time, t.t_faw, "tFAW");
            }
        }
    }

    const DramConfig& m_config;
    const DramTiming& t;
    std::vector<Bank> m_banks;
};

} // namespace pagewalk::models
