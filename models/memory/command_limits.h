#pragma once

#include "models/memory/dram_command.h"
#include "models/memory/dram_timing.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace pagewalk::models {

/// When the next column command may be given, in clocks. Column commands and their data are a fixed time
/// apart, so what the data bus demands is kept here too: bursts do not overlap; tCCD_S, tCCD_L and tCCD_L_WR;
/// tWTR_S and tWTR_L from a write's data to a read of the same rank; tRTRS idle where the rank changes, and
/// from a read to a write. Commands are given in the order of time.
class ColumnLimits {
public:
    /// Bank groups are counted through the ranks: rank * bank_groups + bank group.
    ColumnLimits(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_groups(std::size_t{ranks} * bank_groups), m_width((m_groups + lanes - 1) / lanes * lanes),
          m_not_before(2 * m_width) {
        const Distances apart = distances(t);
        for (const auto& first : apart)
            for (std::size_t group = 0; group < m_groups; ++group)
                for (const auto& second : first)
                    for (std::size_t other = 0; other < m_width; ++other) {
                        const bool same_rank = other / bank_groups == group / bank_groups;
                        m_apart.push_back(second[other == group ? SameGroup
                                                 : same_rank    ? SameRank
                                                                : OtherRank]);
                    }
    }

    /// By group.
    [[nodiscard]] std::span<const std::uint64_t> not_before(BusDirection direction) const {
        return {&m_not_before[static_cast<std::size_t>(direction) * m_width], m_groups};
    }
    [[nodiscard]] std::uint64_t not_before(BusDirection direction, std::uint32_t group) const {
        return not_before(direction)[group];
    }
    void given(std::uint64_t time, BusDirection direction, std::uint32_t group) {
        const std::size_t row = (static_cast<std::size_t>(direction) * m_groups + group) * 2 * m_width;
        for (std::size_t i = 0; i < 2 * m_width; i += lanes) {
            const Four next = load_four(&m_apart[row + i]) + static_cast<std::int64_t>(time);
            const Four before = load_four(&m_not_before[i]);
            const Four later = next > before ? next : before;
            std::memcpy(&m_not_before[i], &later, sizeof later);
        }
    }

private:
    /// Times are below 2^63.
    using Four [[gnu::vector_size(32)]] = std::int64_t;
    static constexpr std::size_t lanes = 4;

    enum Relation : std::uint8_t { SameGroup, SameRank, OtherRank, relation_count };
    /// Clocks from one column command to the next by the directions of the first and the second.
    using Distances = std::array<std::array<std::array<std::uint64_t, relation_count>, 2>, 2>;

    static Four load_four(const std::uint64_t* times) {
        Four four;
        std::memcpy(&four, times, sizeof four);
        return four;
    }
    static Distances distances(const DramTiming& t) {
        const std::uint64_t burst = std::max(t.burst, t.t_ccd_s).value();
        const std::uint64_t idle = std::max((t.burst + t.t_rtrs).value(), burst);
        // From data to data, with the difference of the latencies: from command to command, at least a clock.
        const auto turn = [](std::uint64_t data, Cycles first, Cycles second) {
            return std::max(data + first.value(), second.value() + 1) - second.value();
        };
        const auto to_read = [&](Cycles wtr) { return (t.t_cwl + t.burst + wtr).value(); };
        const std::uint64_t to_write = turn(idle, t.t_cl, t.t_cwl);
        return {{{{{std::max(burst, t.t_ccd_l.value()), burst, idle}, {to_write, to_write, to_write}}},
                 {{{to_read(std::max(t.t_wtr_l, t.t_wtr_s)), to_read(t.t_wtr_s), turn(idle, t.t_cwl, t.t_cl)},
                   {std::max(burst, t.t_ccd_l_wr.value()), burst, idle}}}}};
    }

    std::size_t m_groups, m_width;           ///< groups, and lanes of whole vectors that hold them
    std::vector<std::uint64_t> m_not_before; ///< of reads by group, then of writes
    /// By direction and group of the first command: its distance to what m_not_before holds.
    std::vector<std::uint64_t> m_apart;
};

/// When the next activate may be given by tRRD_S, tRRD_L and tFAW of its rank, in clocks. Activates of a rank
/// are given in the order of time.
class ActivateLimits {
public:
    /// Bank groups are counted through the ranks.
    ActivateLimits(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_bank_groups(bank_groups), m_rrd_s(t.t_rrd_s.value()),
          m_rrd_l(std::max(t.t_rrd_l, t.t_rrd_s).value()), m_faw(t.t_faw.value()), m_ranks(ranks),
          m_not_before(std::size_t{ranks} * bank_groups) {}

    /// By group.
    [[nodiscard]] std::span<const std::uint64_t> not_before() const { return m_not_before; }
    [[nodiscard]] std::uint64_t not_before(std::uint32_t group) const { return m_not_before[group]; }
    void given(std::uint64_t time, std::uint32_t group) {
        const std::uint32_t rank = group / m_bank_groups;
        Four& four = m_ranks[rank];
        four.times[four.oldest++ % 4] = time;
        const std::uint64_t fifth_back = four.times[four.oldest % 4];
        const std::uint64_t next = std::max(time + m_rrd_s, fifth_back == never ? 0 : fifth_back + m_faw);
        for (std::uint32_t other = rank * m_bank_groups; other < (rank + 1) * m_bank_groups; ++other)
            m_not_before[other] = std::max(m_not_before[other], next);
        m_not_before[group] = std::max(m_not_before[group], time + m_rrd_l);
    }

private:
    static constexpr std::uint64_t never = ~0ULL;
    /// A rank's last four activates.
    struct Four {
        std::array<std::uint64_t, 4> times{never, never, never, never};
        std::uint32_t oldest = 0;
    };
    std::uint32_t m_bank_groups;
    std::uint64_t m_rrd_s, m_rrd_l, m_faw;
    std::vector<Four> m_ranks;
    std::vector<std::uint64_t> m_not_before; ///< by group
};

} // namespace pagewalk::models
