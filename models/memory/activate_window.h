#pragma once

#include "models/memory/clock_calendar.h"
#include "models/memory/dram_timing.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// The activates of one rank: when the next may come by tRRD_S, tRRD_L and tFAW, in clocks. An activate may
/// be put between earlier ones where all constraints hold on both sides. What an activate forbids is written
/// down when it is put in, so that finding a moment is looking for a free clock.
class ActivateWindow {
public:
    /// Bank groups, a power of two, may be counted through the ranks.
    ActivateWindow(const DramTiming& timing, std::uint32_t bank_groups)
        : m_rrd_s(timing.t_rrd_s.value()), m_faw(timing.t_faw.value()), m_group_mask(bank_groups - 1),
          m_group_bits(blocked(rrd_l(timing), rrd_l(timing))), m_calendar(first_group + bank_groups) {}

    /// The first clock not before `earliest` at which a bank of `group` may be activated.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint8_t group) const {
        return m_calendar.find(all, row(group), earliest);
    }

    /// Contract: find() has answered `at`.
    [[gnu::always_inline]] void insert(std::uint64_t at, std::uint8_t group) {
        m_calendar.reach(at + look);
        if (!m_calendar.holds_around(at)) [[unlikely]]
            return;
        ClockCalendar::Around around = m_calendar.around(at);
        // None comes in (at - before, at + after).
        std::uint64_t before = m_rrd_s, after = m_rrd_s;
        // Four within tFAW, from `back` before this one to `ahead` behind it, allow no fifth.
        const auto four = [&](std::uint64_t back, std::uint64_t ahead) {
            // Nobody can tell whether they are: no branch, all ones or none.
            const auto within =
                static_cast<std::uint64_t>(static_cast<std::int64_t>(back + ahead - m_faw) >> 63);
            before = std::max(before, (m_faw - ahead) & within);
            after = std::max(after, (m_faw - back) & within);
        };
        auto [earlier, later] = around.bits(taken);
        const std::uint64_t b1 = previous(earlier), b2 = previous(earlier), b3 = previous(earlier);
        four(b3, 0);
        if (later != 0) {
            const std::uint64_t a1 = next(later), a2 = next(later), a3 = next(later);
            four(b2, a1);
            four(b1, a2);
            four(0, a3);
        }
        around.block(taken);
        around.block(all, blocked(before, after));
        around.block(row(group), m_group_bits);
    }

private:
    /// Of the calendar: where activates are, where none may come, and from here on where none of a group may.
    static constexpr std::size_t taken = 0, all = 1, first_group = 2;
    static constexpr std::uint64_t look = DramTiming::longest_faw;

    [[nodiscard]] std::size_t row(std::uint8_t group) const { return first_group + (group & m_group_mask); }

    static ClockCalendar::Around::Bits blocked(std::uint64_t before, std::uint64_t after) {
        return {~(~0ULL >> (before - 1)), ~0ULL >> (look - after)};
    }
    static std::uint64_t rrd_l(const DramTiming& timing) {
        return std::max(timing.t_rrd_l, timing.t_rrd_s).value();
    }
    /// How far back the latest of the activates is, which is taken out; more than `look` where none is left.
    static std::uint64_t previous(std::uint64_t& earlier) {
        const auto n = static_cast<unsigned>(std::countl_zero(earlier));
        earlier &= ~(1ULL << (look - 1) >> n % look);
        return n + 1;
    }
    /// The same for the soonest ahead; `look` where none is left.
    static std::uint64_t next(std::uint64_t& later) {
        const auto n = static_cast<unsigned>(std::countr_zero(later));
        later &= later - 1;
        return n;
    }

    std::uint64_t m_rrd_s, m_faw;
    std::size_t m_group_mask;
    ClockCalendar::Around::Bits m_group_bits; ///< what one blocks to its group
    ClockCalendar m_calendar;
};

} // namespace pagewalk::models
