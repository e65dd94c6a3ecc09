#pragma once

#include "models/memory/dram_command.h"
#include "models/memory/dram_timing.h"
#include "models/memory/eight_times.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace pagewalk::models {

/// Moments by bank group, counted through the ranks, as distances from a base, so that many are looked at
/// together. What is before the base counts as the base. Contract: none is 2^31 clocks or more after it.
class GroupTimes {
public:
    static constexpr std::size_t lanes = 8;

    /// All are 0, and the base too.
    explicit GroupTimes(std::size_t groups)
        : m_width((groups + lanes - 1) / lanes * lanes), m_times(m_width + lanes) {}

    /// Groups, and lanes of whole vectors that hold them.
    [[nodiscard]] std::size_t width() const { return m_width; }
    [[nodiscard]] std::uint64_t base() const { return m_base; }
    [[nodiscard]] std::uint64_t operator[](std::size_t group) const {
        return m_base + static_cast<std::uint64_t>(m_times[group]);
    }
    /// Those of the group and of the seven behind it, which need not be there.
    [[nodiscard]] EightTimes eight_from(std::size_t group) const { return load_eight(&m_times[group]); }
    void put_off(std::size_t group, std::uint64_t time) {
        m_times[group] = std::max(m_times[group], static_cast<std::int32_t>(time - m_base));
    }
    /// The same for all groups, each its distance after `time`: `apart` has width() of them.
    void put_off_all(std::uint64_t time, const std::int32_t* apart) {
        const EightTimes from = EightTimes{} + static_cast<std::int32_t>(time - m_base);
        for (std::size_t i = 0; i < m_width; i += lanes) {
            const EightTimes later = later_of(load_eight(apart + i) + from, load_eight(&m_times[i]));
            std::memcpy(&m_times[i], &later, sizeof later);
        }
    }
    /// Contract: not before the base so far.
    void move_base(std::uint64_t base) {
        const std::uint64_t by = base - m_base;
        for (std::int32_t& time : m_times)
            time -= static_cast<std::int32_t>(std::min<std::uint64_t>(by, static_cast<std::uint64_t>(time)));
        m_base = base;
    }

private:
    std::uint64_t m_base = 0;
    std::size_t m_width;
    std::vector<std::int32_t> m_times; ///< and room for a vector from the last on
};

/// When the next column command may be given, in clocks. Column commands and their data are a fixed time
/// apart, so what the data bus demands is kept here too: bursts do not overlap; tCCD_S, tCCD_L and tCCD_L_WR;
/// tWTR_S and tWTR_L from a write's data to a read of the same rank; tRTRS idle where the rank changes, and
/// from a read to a write. Commands are given in the order of time.
class ColumnLimits {
public:
    /// Bank groups are counted through the ranks: rank * bank_groups + bank group.
    ColumnLimits(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_groups(std::size_t{ranks} * bank_groups), m_not_before{GroupTimes(m_groups),
                                                                   GroupTimes(m_groups)} {
        const Distances apart = distances(t);
        for (const auto& first : apart)
            for (std::size_t group = 0; group < m_groups; ++group)
                for (const auto& second : first)
                    for (std::size_t other = 0; other < m_not_before[0].width(); ++other) {
                        const bool same_rank = other / bank_groups == group / bank_groups;
                        m_apart.push_back(static_cast<std::int32_t>(second[other == group ? SameGroup
                                                                           : same_rank    ? SameRank
                                                                                          : OtherRank]));
                    }
    }

    /// By group.
    [[nodiscard]] const GroupTimes& not_before(BusDirection direction) const {
        return m_not_before[static_cast<std::size_t>(direction)];
    }
    [[nodiscard]] std::uint64_t not_before(BusDirection direction, std::uint32_t group) const {
        return not_before(direction)[group];
    }
    void given(std::uint64_t time, BusDirection direction, std::uint32_t group) {
        const std::size_t width = m_not_before[0].width();
        const std::int32_t* const apart =
            &m_apart[(static_cast<std::size_t>(direction) * m_groups + group) * 2 * width];
        m_not_before[0].put_off_all(time, apart);
        m_not_before[1].put_off_all(time, apart + width);
    }
    void move_base(std::uint64_t base) {
        for (GroupTimes& times : m_not_before) times.move_base(base);
    }

private:
    enum Relation : std::uint8_t { SameGroup, SameRank, OtherRank, relation_count };
    /// Clocks from one column command to the next by the directions of the first and the second.
    using Distances = std::array<std::array<std::array<std::uint64_t, relation_count>, 2>, 2>;

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

    std::size_t m_groups;
    std::array<GroupTimes, 2> m_not_before; ///< by direction
    /// By direction and group of the first command: its distance to what m_not_before holds, in that order.
    std::vector<std::int32_t> m_apart;
};

/// When the next activate may be given by tRRD_S, tRRD_L and tFAW of its rank, in clocks. Activates of a rank
/// are given in the order of time.
class ActivateLimits {
public:
    /// Bank groups are counted through the ranks.
    ActivateLimits(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_bank_groups(bank_groups), m_rrd_s(t.t_rrd_s.value()),
          m_rrd_l(std::max(t.t_rrd_l, t.t_rrd_s).value()), m_faw(t.t_faw.value()), m_ranks(ranks),
          m_not_before(std::size_t{ranks} * bank_groups) {
        for (std::size_t rank = 0; rank < ranks; ++rank)
            for (std::size_t group = 0; group < m_not_before.width(); ++group)
                m_apart.push_back(group / bank_groups == rank ? 0 : long_before);
    }

    /// By group.
    [[nodiscard]] const GroupTimes& not_before() const { return m_not_before; }
    [[nodiscard]] std::uint64_t not_before(std::uint32_t group) const { return m_not_before[group]; }
    void given(std::uint64_t time, std::uint32_t group) {
        const std::uint32_t rank = group / m_bank_groups;
        Four& four = m_ranks[rank];
        four.times[four.oldest++ % 4] = time;
        const std::uint64_t fifth_back = four.times[four.oldest % 4];
        const std::uint64_t next = std::max(time + m_rrd_s, fifth_back == never ? 0 : fifth_back + m_faw);
        m_not_before.put_off_all(next, &m_apart[rank * m_not_before.width()]);
        m_not_before.put_off(group, time + m_rrd_l);
    }
    void move_base(std::uint64_t base) { m_not_before.move_base(base); }

private:
    static constexpr std::uint64_t never = ~0ULL;
    static constexpr std::int32_t long_before = std::numeric_limits<std::int32_t>::min();
    /// A rank's last four activates.
    struct Four {
        std::array<std::uint64_t, 4> times{never, never, never, never};
        std::uint32_t oldest = 0;
    };
    std::uint32_t m_bank_groups;
    std::uint64_t m_rrd_s, m_rrd_l, m_faw;
    std::vector<Four> m_ranks;
    GroupTimes m_not_before;
    std::vector<std::int32_t> m_apart; ///< by rank and group: 0 where the group is the rank's
};

} // namespace pagewalk::models
