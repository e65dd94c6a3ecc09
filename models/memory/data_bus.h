#pragma once

#include "models/memory/dram_timing.h"
#include "models/memory/slot_calendar.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

enum class BusDirection : std::uint8_t { Read, Write };

/// The data bus of one channel: which lines are transferred when. Column commands and their data are a fixed
/// time apart, so all that column commands demand of each other is kept here too, as the least time from one
/// transfer's begin to the next one's: bursts do not overlap; tCCD_S, tCCD_L and tCCD_L_WR; tWTR_S and tWTR_L
/// with the read's tCL from a write to a read of the same rank; tRTRS idle where the rank changes, and from a
/// read to a write. A transfer may be put between earlier ones where all of that holds on both sides.
class DataBus {
public:
    /// Bank groups are counted through the ranks: rank * bank_groups + bank group.
    DataBus(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_group_bits(static_cast<unsigned>(std::bit_width(bank_groups - 1))), m_distance(distances(t)),
          m_loosest(loosest(m_distance, ranks > 1, bank_groups > 1)),
          m_calendar(std::max(t.burst, t.t_ccd_s).value()) {
        for (std::size_t first = 0; first < 2; ++first)
            for (std::size_t second = 0; second < 2; ++second)
                m_reach[first][second] = std::ranges::max(m_distance[first][second]);
    }

    /// The first moment not before `earliest` at which a transfer may begin.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, BusDirection direction, std::uint8_t group) {
        const auto mine = static_cast<std::size_t>(direction);
        if (earliest >= m_latest[mine] + m_reach[mine][mine] &&
            earliest >= m_latest[1 - mine] + m_reach[1 - mine][mine]) [[likely]]
            return earliest;
        return search(earliest, mine, group);
    }

    void insert(std::uint64_t time, BusDirection direction, std::uint8_t group) {
        const auto mine = static_cast<std::size_t>(direction);
        m_calendar.insert(mine, time, group);
        m_calendar.lengthen_full(mine, time, time + m_loosest[mine][mine]);
        m_latest[mine] = std::max(m_latest[mine], time);
    }

private:
    /// Of two transfers: same bank group, same rank, different ranks.
    static constexpr std::size_t relation_count = 3;
    using Distances = std::array<std::array<std::array<std::uint64_t, relation_count>, 2>, 2>;

    struct Search {
        std::uint64_t time;
        std::uint64_t full_from, full_until; ///< nothing of this direction fits between, whatever its group
    };

    [[nodiscard]] std::uint64_t search(std::uint64_t earliest, std::size_t mine, std::uint8_t group) {
        const std::uint64_t begin = m_calendar.skip_full(mine, earliest);
        Search search{.time = begin, .full_from = begin, .full_until = begin};
        for (std::uint64_t asked = begin + 1; asked != search.time;) {
            asked = search.time;
            clear(search, mine, mine, group);
            clear(search, mine, 1 - mine, group);
            if (search.time != asked)
                search.time = search.full_until = m_calendar.skip_full(mine, search.time);
        }
        m_calendar.mark_full(mine, search.full_from, search.full_until);
        return search.time;
    }

    /// Moves the search behind what it meets of the transfers in `other` direction.
    void clear(Search& search, std::size_t mine, std::size_t other, std::uint8_t group) {
        if (search.time >= m_latest[other] + m_reach[other][mine]) return;
        m_calendar.visit(
            other, search.time - std::min(search.time, m_reach[other][mine]),
            search.time + m_reach[mine][other], [&](std::uint64_t begin, std::uint8_t other_group) {
                const unsigned differ = static_cast<unsigned>(other_group ^ group);
                const std::size_t relation = static_cast<std::size_t>(differ != 0) +
                                             static_cast<std::size_t>(differ >> m_group_bits != 0);
                const std::uint64_t after = begin + m_distance[other][mine][relation];
                if (after <= search.time || search.time + m_distance[mine][other][relation] <= begin) return;
                const std::uint64_t surely_after = begin + m_loosest[other][mine];
                if (surely_after > search.time && search.time + m_loosest[mine][other] > begin)
                    search.full_until = surely_after;
                search.time = after;
                if (search.full_until == after) return;
                m_calendar.mark_full(mine, search.full_from, search.full_until);
                search.full_from = search.full_until = after;
            });
    }

    static Distances distances(const DramTiming& t) {
        const std::uint64_t use = std::max(t.burst, t.t_ccd_s).value();
        const std::uint64_t idle = std::max((t.burst + t.t_rtrs).value(), use);
        const auto to_read = [&](Tick wtr) { return std::max((t.burst + wtr + t.t_cl).value(), use); };
        // By the directions of the first and the second.
        return {{{{{std::max(use, t.t_ccd_l.value()), use, idle}, {idle, idle, idle}}},
                 {{{to_read(t.t_wtr_l), to_read(t.t_wtr_s), idle},
                   {std::max(use, t.t_ccd_l_wr.value()), use, idle}}}}};
    }
    /// What every transfer keeps, whatever its place.
    static std::array<std::array<std::uint64_t, 2>, 2> loosest(const Distances& distances, bool has_ranks,
                                                               bool has_groups) {
        std::array<std::array<std::uint64_t, 2>, 2> least{};
        for (std::size_t first = 0; first < 2; ++first)
            for (std::size_t second = 0; second < 2; ++second) {
                const auto& by_relation = distances[first][second];
                least[first][second] = by_relation[0];
                if (has_groups) least[first][second] = std::min(least[first][second], by_relation[1]);
                if (has_ranks) least[first][second] = std::min(least[first][second], by_relation[2]);
            }
        return least;
    }

    unsigned m_group_bits;
    Distances m_distance; ///< by directions of the first and the second, and relation
    std::array<std::array<std::uint64_t, 2>, 2> m_reach{}; ///< the largest of each
    std::array<std::array<std::uint64_t, 2>, 2> m_loosest;
    std::array<std::uint64_t, 2> m_latest{};
    SlotCalendar<2> m_calendar;
};

} // namespace pagewalk::models
