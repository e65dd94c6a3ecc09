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
        for (std::size_t first = 0; first < 2; ++first) {
            for (std::size_t second = 0; second < 2; ++second)
                m_reach[first][second] = std::ranges::max(m_distance[first][second]);
            m_ahead[first] = std::ranges::max(m_reach[first]);
        }
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
        m_calendar.insert(mine, time, static_cast<std::uint8_t>(group | mine << 7));
        m_calendar.lengthen_full(mine, time, time + m_loosest[mine][mine]);
        m_latest[mine] = std::max(m_latest[mine], time);
    }

    /// No read that is not reserved yet begins in [from, until).
    void keep_reads_out(std::uint64_t from, std::uint64_t until) { m_calendar.mark_full(0, from, until); }

private:
    using Calendar = SlotCalendar<2>;

    /// Of two transfers: same bank group, same rank, different ranks.
    static constexpr std::size_t relation_count = 3;
    using Distances = std::array<std::array<std::array<std::uint64_t, relation_count>, 2>, 2>;

    static constexpr std::uint8_t group_mask = 0x7f; // of a use's tag; above it the direction

    [[nodiscard]] std::uint64_t search(std::uint64_t earliest, std::size_t mine, std::uint8_t group) {
        std::uint64_t time = m_calendar.skip_full(mine, earliest);
        std::uint64_t full_from = time, full_until = time; // nothing of this direction fits between
        for (bool again = true; again;) {
            const std::uint64_t asked = time;
            const std::uint64_t reads = m_calendar.slot_of(time - std::min(time, m_reach[0][mine]));
            const std::uint64_t writes = m_calendar.slot_of(time - std::min(time, m_reach[1][mine]));
            std::uint64_t base = std::min(reads, writes);
            std::uint64_t bits = from_slot(0, reads, base) | from_slot(1, writes, base);
            again = false;
            for (bool fits_before = false;;) {
                for (; bits != 0; bits &= bits - 1) {
                    const auto use = m_calendar.use(base + static_cast<unsigned>(std::countr_zero(bits)));
                    const auto begin = static_cast<std::uint64_t>(use.time);
                    if (begin >= time + m_ahead[mine]) break;
                    const std::size_t other = use.tag > group_mask ? 1 : 0;
                    const unsigned differ = static_cast<unsigned>(use.tag & group_mask) ^ group;
                    const std::size_t relation = static_cast<std::size_t>(differ != 0) +
                                                 static_cast<std::size_t>(differ >> m_group_bits != 0);
                    const std::uint64_t after = begin + m_distance[other][mine][relation];
                    if (after <= time) continue;
                    if (time + m_distance[mine][other][relation] <= begin) {
                        fits_before = true;
                        continue;
                    }
                    const std::uint64_t surely_after = begin + m_loosest[other][mine];
                    if (surely_after > time && time + m_loosest[mine][other] > begin)
                        full_until = surely_after;
                    time = after;
                    again |= fits_before; // behind what it would have fitted before
                    if (full_until == time) continue;
                    m_calendar.mark_full(mine, full_from, full_until);
                    full_from = full_until = time;
                }
                if (bits != 0 || base + Calendar::word_slots > m_calendar.slot_of(time + m_ahead[mine]))
                    break;
                base += Calendar::word_slots;
                bits = m_calendar.taken(0, base) | m_calendar.taken(1, base);
            }
            if (time == asked) break;
            if (const std::uint64_t open = m_calendar.skip_full(mine, time); open != time) {
                time = full_until = open;
                again = true;
            }
        }
        m_calendar.mark_full(mine, full_from, full_until);
        return time;
    }
    /// Transfers of a direction from slot `first` on, as bits from slot `base` on.
    [[nodiscard]] std::uint64_t from_slot(std::size_t direction, std::uint64_t first,
                                          std::uint64_t base) const {
        return first - base < Calendar::word_slots ? m_calendar.taken(direction, first) << (first - base) : 0;
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
    std::array<std::uint64_t, 2> m_ahead{}; ///< by direction: how far ahead others are minded
    std::array<std::uint64_t, 2> m_latest{};
    Calendar m_calendar;
};

} // namespace pagewalk::models
