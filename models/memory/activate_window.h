#pragma once

#include "models/memory/dram_timing.h"
#include "models/memory/slot_calendar.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// The activates of one rank: when the next may come by tRRD_S, tRRD_L and tFAW. An activate may be put
/// between earlier ones where all constraints hold on both sides.
class ActivateWindow {
public:
    explicit ActivateWindow(const DramTiming& timing)
        : m_rrd_s(timing.t_rrd_s.value()), m_rrd_l(std::max(timing.t_rrd_l, timing.t_rrd_s).value()),
          m_faw(timing.t_faw.value()), m_calendar(m_rrd_s) {}

    /// The first moment not before `earliest` at which a bank of `group` may be activated.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint8_t group) {
        if (earliest >= m_last[0] + m_rrd_l && earliest >= m_last[3] + m_faw) [[likely]]
            return earliest;
        return search(earliest, group);
    }

    void insert(std::uint64_t time, std::uint8_t group) {
        m_calendar.insert(0, time, group);
        if (time > m_last[0]) [[likely]] {
            m_last = {time, m_last[0], m_last[1], m_last[2]};
            m_calendar.lengthen_full(0, time, std::max(time + m_rrd_s, m_last[3] + m_faw));
            return;
        }
        for (std::uint64_t& other : m_last)
            if (time > other) std::swap(time, other);
    }

private:
    [[nodiscard]] std::uint64_t search(std::uint64_t earliest, std::uint8_t group) {
        std::uint64_t time = m_calendar.skip_full(0, earliest);
        std::uint64_t full_from = time, full_until = time; // no group fits between
        for (std::uint64_t asked = time + 1; time != asked;) {
            asked = time;
            m_calendar.visit(0, back(time, m_rrd_l), time + m_rrd_l,
                             [&](std::uint64_t other, std::uint8_t other_group) {
                                 const std::uint64_t spacing = other_group == group ? m_rrd_l : m_rrd_s;
                                 if (other + spacing <= time || time + spacing <= other) return;
                                 if (other + m_rrd_s > time && time + m_rrd_s > other)
                                     full_until = other + m_rrd_s;
                                 time = other + spacing;
                                 if (full_until == time) return;
                                 m_calendar.mark_full(0, full_from, full_until);
                                 full_from = full_until = time;
                             });
            if (time == asked && m_calendar.count(0, back(time, m_faw), time + m_faw) >= 4)
                full_until = time = after_four(time);
            if (time != asked) full_until = time = m_calendar.skip_full(0, time);
        }
        m_calendar.mark_full(0, full_from, full_until);
        return time;
    }

    [[nodiscard]] static std::uint64_t back(std::uint64_t time, std::uint64_t span) {
        return time - std::min(time, span);
    }

    /// `time` when any five activates in a row with one at `time` among them span tFAW; otherwise a later
    /// time before which they do not.
    [[nodiscard]] std::uint64_t after_four(std::uint64_t time) const {
        std::array<std::uint64_t, 4> before{}, after{}; // nearest first
        std::size_t before_count = 0, after_count = 0;
        m_calendar.visit(0, back(time, m_faw), time + m_faw, [&](std::uint64_t other, std::uint8_t) {
            if (other <= time) {
                before = {other, before[0], before[1], before[2]};
                ++before_count;
            } else if (after_count < after.size()) {
                after[after_count++] = other;
            }
        });
        before_count = std::min(before_count, before.size());
        if (before_count == 4 && before[3] + m_faw > time) return before[3] + m_faw;
        for (std::size_t later = 1; later <= after_count; ++later) {
            const std::size_t earlier = 4 - later;
            if (earlier > before_count) continue;
            const std::uint64_t first = earlier == 0 ? time : before[earlier - 1];
            // Between the same two neighbours it fits nowhere.
            if (first + m_faw > after[later - 1]) return after[0] + m_rrd_s;
        }
        return time;
    }

    std::uint64_t m_rrd_s, m_rrd_l, m_faw;
    std::array<std::uint64_t, 4> m_last{}; ///< the latest four, latest first
    SlotCalendar<1> m_calendar;
};

} // namespace pagewalk::models
