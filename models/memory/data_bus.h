#pragma once

#include "models/memory/clock_calendar.h"
#include "models/memory/dram_timing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

enum class BusDirection : std::uint8_t { Read, Write };

/// The data bus of one channel: which lines are transferred when, in clocks. Column commands and their data
/// are a fixed time apart, so all that column commands demand of each other is kept here too, as the least
/// time from one transfer's begin to the next one's: bursts do not overlap; tCCD_S, tCCD_L and tCCD_L_WR;
/// tWTR_S and tWTR_L with the read's tCL from a write to a read of the same rank; tRTRS idle where the rank
/// changes, and from a read to a write. A transfer may be put between earlier ones where all of that holds on
/// both sides. What a transfer forbids is written down when it is put in, so that finding a moment is looking
/// for a free clock.
class DataBus {
public:
    /// Bank groups are counted through the ranks: rank * bank_groups + bank group.
    DataBus(const DramTiming& t, std::uint32_t ranks, std::uint32_t bank_groups)
        : m_group_bits(static_cast<unsigned>(std::bit_width(bank_groups - 1))), m_ranks(ranks),
          m_write_rows(ranks * (1 + bank_groups)), m_shadows(shadows(distances(t))),
          m_others_matter(ranks > 1 || !m_shadows[0].more.empty() || !m_shadows[1].more.empty()),
          m_calendar(2 * m_write_rows) {}

    /// The first clock not before `earliest` at which a transfer may begin.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, BusDirection direction,
                                     std::uint8_t group) const {
        const std::size_t first = direction == BusDirection::Read ? 0 : m_write_rows;
        return m_calendar.find(first + rank_of(group), first + row(group), earliest);
    }

    /// Contract: find() has answered `time`.
    [[gnu::always_inline]] void insert(std::uint64_t time, BusDirection direction, std::uint8_t group) {
        const Shadow& shadow = m_shadows[static_cast<std::size_t>(direction)];
        m_calendar.reach(time + shadow.behind);
        block_own(time - shadow.ahead, shadow.first, group);
        if (m_others_matter) [[unlikely]]
            insert_rest(time - shadow.ahead, shadow, group);
    }

    /// No read that is not reserved yet begins in [from, until).
    void keep_reads_out(std::uint64_t from, std::uint64_t until) {
        m_calendar.reach(until);
        for (std::size_t rank = 0; rank < m_ranks; ++rank) m_calendar.block_all(rank, from, until);
    }

private:
    /// Of two transfers: same bank group, same rank, different ranks.
    enum Relation : std::uint8_t { SameGroup, SameRank, OtherRank, relation_count };
    using Distances = std::array<std::array<std::array<std::uint64_t, relation_count>, 2>, 2>;

    using Row = ClockCalendar::RowMask;
    static constexpr std::uint64_t mask_clocks = 64;

    /// When no other transfer may begin beside one of a direction, as masks of 64 clocks each.
    struct Shadow {
        struct Masks {
            std::array<std::uint64_t, relation_count> reads, writes;
        };
        std::uint64_t ahead = 0, behind = 0; ///< how far it reaches, in clocks
        Masks first{};
        std::vector<Masks> more;
    };

    [[gnu::always_inline]] void block_own(std::uint64_t from, const Shadow::Masks& masks,
                                          std::uint8_t group) {
        const std::size_t mine = rank_of(group);
        m_calendar.block(from, Row{row(group), masks.reads[SameGroup]}, Row{mine, masks.reads[SameRank]},
                         Row{m_write_rows + row(group), masks.writes[SameGroup]},
                         Row{m_write_rows + mine, masks.writes[SameRank]});
    }
    void block_others(std::uint64_t from, const Shadow::Masks& masks, std::uint8_t group) {
        for (std::size_t rank = 0; rank < m_ranks; ++rank)
            if (rank != rank_of(group))
                m_calendar.block(from, Row{rank, masks.reads[OtherRank]},
                                 Row{m_write_rows + rank, masks.writes[OtherRank]});
    }
    /// Blocks all but the rank's own first clocks.
    [[gnu::noinline]] void insert_rest(std::uint64_t from, const Shadow& shadow, std::uint8_t group) {
        block_others(from, shadow.first, group);
        for (const Shadow::Masks& masks : shadow.more) {
            from += mask_clocks;
            block_own(from, masks, group);
            block_others(from, masks, group);
        }
    }

    /// The calendar's rows, first for reads, then for writes: a rank's clocks that are blocked to all of its
    /// groups, then those of each group.
    [[nodiscard]] std::size_t rank_of(std::uint8_t group) const { return group >> m_group_bits; }
    [[nodiscard]] std::size_t row(std::uint8_t group) const { return m_ranks + group; }

    static Distances distances(const DramTiming& t) {
        const std::uint64_t use = std::max(t.burst, t.t_ccd_s).value();
        const std::uint64_t idle = std::max((t.burst + t.t_rtrs).value(), use);
        const auto to_read = [&](Cycles wtr) { return std::max((t.burst + wtr + t.t_cl).value(), use); };
        // By the directions of the first and the second. A group is never less apart than its rank.
        return {{{{{std::max(use, t.t_ccd_l.value()), use, idle}, {idle, idle, idle}}},
                 {{{to_read(std::max(t.t_wtr_l, t.t_wtr_s)), to_read(t.t_wtr_s), idle},
                   {std::max(use, t.t_ccd_l_wr.value()), use, idle}}}}};
    }

    static std::array<Shadow, 2> shadows(const Distances& distance) {
        std::array<Shadow, 2> all;
        for (std::size_t mine = 0; mine < 2; ++mine) {
            Shadow& shadow = all[mine];
            for (std::size_t other = 0; other < 2; ++other) {
                shadow.ahead = std::max(shadow.ahead, std::ranges::max(distance[other][mine]) - 1);
                shadow.behind = std::max(shadow.behind, std::ranges::max(distance[mine][other]));
            }
            shadow.more.resize((shadow.ahead + shadow.behind - 1) / mask_clocks);
            const auto blocks = [&](std::size_t other, std::size_t relation, std::uint64_t clock) {
                return clock + distance[other][mine][relation] > shadow.ahead &&
                       clock < shadow.ahead + distance[mine][other][relation];
            };
            for (std::size_t relation = 0; relation < relation_count; ++relation)
                for (std::uint64_t clock = 0; clock < shadow.ahead + shadow.behind; ++clock) {
                    const std::uint64_t i = clock / mask_clocks;
                    Shadow::Masks& masks = i == 0 ? shadow.first : shadow.more[i - 1];
                    masks.reads[relation] |= std::uint64_t{blocks(0, relation, clock)} << clock % mask_clocks;
                    masks.writes[relation] |= std::uint64_t{blocks(1, relation, clock)}
                                              << clock % mask_clocks;
                }
        }
        return all;
    }

    unsigned m_group_bits;
    std::size_t m_ranks;
    std::size_t m_write_rows;        ///< the first
    std::array<Shadow, 2> m_shadows; ///< by direction
    bool m_others_matter;            ///< a transfer blocks more than its rank's first clocks
    ClockCalendar m_calendar;
};

} // namespace pagewalk::models
