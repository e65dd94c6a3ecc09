#pragma once

#include "models/memory/dram_timing.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// The activates of one rank: when the next may come by tRRD_S, tRRD_L and tFAW. Remembers the last 64 in
/// order of time; an activate may be put between earlier ones where all constraints hold on both sides, but
/// once some are forgotten not before the fourth that is remembered.
class ActivateWindow {
public:
    explicit ActivateWindow(const DramTiming& timing)
        : m_rrd_s(timing.t_rrd_s.value()), m_rrd_l(timing.t_rrd_l.value()), m_faw(timing.t_faw.value()),
          m_longest(std::max({m_rrd_s, m_rrd_l, m_faw})) {}

    /// The first moment not before `earliest` at which a bank of `group` may be activated.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint32_t group) {
        if (m_count == 0 || earliest >= activate(m_count - 1).time + m_longest) return earliest;
        // What was full for this group stays full: a search that comes there goes on at its end.
        Full& full = m_full[group % m_full.size()];
        if (full.group != group) full = {0, 0, group};
        std::uint64_t time = full.covers(earliest) ? full.until : earliest;
        for (std::size_t i = position_after(time);; ++i) {
            // Most gaps are too short: two looks tell.
            if (i > 0 && i < m_count) {
                const std::uint64_t soonest =
                    std::max(activate(i - 1).time + m_rrd_s, i >= 4 ? activate(i - 4).time + m_faw : 0);
                if (std::max(soonest, time) + m_rrd_s > activate(i).time) continue;
            }
            // Position i: behind activate i - 1, before activate i.
            if (i > 0) time = std::max(time, activate(i - 1).time);
            time = std::max(time, bound_by_earlier(i, group));
            if (full.covers(time)) {
                time = full.until;
                i = position_after(time) - 1;
                continue;
            }
            if (i == m_count || fits_before_later(i, group, time)) break;
        }
        if (earliest <= full.until && time >= full.from)
            full = {std::min(earliest, full.from), std::max(time, full.until), group};
        else if (time > full.until)
            full = {earliest, time, group};
        return time;
    }

    void insert(std::uint64_t time, std::uint32_t group) {
        if (m_count == capacity) {
            ++m_first;
            --m_count;
        }
        if (m_first + m_count == m_activates.size()) {
            std::copy_n(m_activates.begin() + static_cast<std::ptrdiff_t>(m_first), m_count,
                        m_activates.begin());
            m_first = 0;
        }
        std::size_t i = m_count++;
        for (; i > 0 && activate(i - 1).time > time; --i) activate(i) = activate(i - 1);
        activate(i) = {time, group};
    }

private:
    static constexpr std::size_t capacity = 64;
    struct Activate {
        std::uint64_t time = 0;
        std::uint32_t group = 0;
    };

    // Oldest first, sliding through twice the room.
    [[nodiscard]] Activate& activate(std::size_t i) { return m_activates[m_first + i]; }
    [[nodiscard]] const Activate& activate(std::size_t i) const { return m_activates[m_first + i]; }

    /// Index of the first activate after `time`; once some are forgotten not below the fourth.
    [[nodiscard]] std::size_t position_after(std::uint64_t time) const {
        std::size_t low = m_count == capacity ? 4 : 0, high = m_count;
        while (low < high) {
            const std::size_t middle = (low + high) / 2;
            if (activate(middle).time > time)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
    [[nodiscard]] std::uint64_t spacing(std::uint32_t a, std::uint32_t b) const {
        return a == b ? m_rrd_l : m_rrd_s;
    }
    [[nodiscard]] std::uint64_t bound_by_earlier(std::size_t i, std::uint32_t group) const {
        std::uint64_t bound = 0;
        for (std::size_t back = 1; back <= 3 && back <= i; ++back) {
            const Activate& earlier = activate(i - back);
            bound = std::max(bound, earlier.time + spacing(earlier.group, group));
        }
        if (i >= 4) bound = std::max(bound, activate(i - 4).time + m_faw);
        return bound;
    }
    [[nodiscard]] bool fits_before_later(std::size_t i, std::uint32_t group, std::uint64_t time) const {
        for (std::size_t k = i; k < m_count && k < i + 3; ++k)
            if (time + spacing(activate(k).group, group) > activate(k).time) return false;
        // Any five in a row with the new one among them must span tFAW.
        for (std::size_t later = 1; later <= 4 && i + later - 1 < m_count; ++later) {
            const std::size_t before = 4 - later; // how many come before the new one
            if (before > i) continue;
            const std::uint64_t first = before == 0 ? time : activate(i - before).time;
            if (first + m_faw > activate(i + later - 1).time) return false;
        }
        return true;
    }

    /// No activate of the group fits at [from, until).
    struct Full {
        std::uint64_t from = 0, until = 0;
        std::uint32_t group = 0;

        [[nodiscard]] bool covers(std::uint64_t time) const { return time >= from && time < until; }
    };

    std::uint64_t m_rrd_s, m_rrd_l, m_faw;
    std::uint64_t m_longest; // of the three: after that long nothing holds an activate up
    std::size_t m_first = 0;
    std::size_t m_count = 0;
    std::array<Activate, 2 * capacity> m_activates{};
    std::array<Full, 8> m_full{}; ///< by group; 8 are the most a standard has
};

} // namespace pagewalk::models
