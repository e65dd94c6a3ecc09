#pragma once

#include "models/memory/dram_timing.h"
#include "models/memory/slot_calendar.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace pagewalk::models {

/// The activates of one rank: when the next may come by tRRD_S, tRRD_L and tFAW. An activate may be put
/// between earlier ones where all constraints hold on both sides.
class ActivateWindow {
public:
    explicit ActivateWindow(const DramTiming& timing)
        : m_rrd_s(ticks(timing.t_rrd_s)), m_rrd_l(ticks(std::max(timing.t_rrd_l, timing.t_rrd_s))),
          m_faw(ticks(timing.t_faw)), m_calendar(timing.t_rrd_s.value()) {}

    /// The first moment not before `earliest` at which a bank of `group` may be activated.
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint8_t group) {
        const auto time = static_cast<std::int64_t>(earliest);
        if (time >= m_last[0].time + m_rrd_l && time >= m_last[3].time + m_faw) [[likely]]
            return earliest;
        return search(earliest, group);
    }

    void insert(std::uint64_t at, std::uint8_t group) {
        m_calendar.insert(0, at, group);
        Calendar::Use use{static_cast<std::int64_t>(at), group};
        if (use.time > m_last[0].time) [[likely]] {
            m_last = {use, m_last[0], m_last[1], m_last[2]};
            m_calendar.lengthen_full(
                0, at, static_cast<std::uint64_t>(std::max(use.time + m_rrd_s, m_last[3].time + m_faw)));
            return;
        }
        for (Calendar::Use& other : m_last)
            if (use.time > other.time) std::swap(use, other);
    }

private:
    using Calendar = SlotCalendar<1>;

    [[nodiscard]] static std::int64_t ticks(Tick span) { return static_cast<std::int64_t>(span.value()); }

    static constexpr std::size_t looked_at = 16;
    static constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max() / 4;
    /// Activates in order of time. Four that lie far back come first, so that each has four before it.
    struct Neighbours {
        std::array<Calendar::Use, 4 + looked_at + 4> all; // filled as far as count
        std::size_t count;
    };

    /// Collects from a moment on; four that lie far ahead follow the last there is.
    void collect(Neighbours& near, std::int64_t from) const {
        std::fill_n(near.all.begin(), 4, Calendar::Use{-far, 0});
        std::size_t n = 4;
        std::uint64_t base = m_calendar.slot_of(static_cast<std::uint64_t>(std::max<std::int64_t>(from, 0)));
        for (;; base += Calendar::word_slots) {
            for (std::uint64_t bits = m_calendar.taken(0, base); bits != 0 && n < 4 + looked_at;
                 bits &= bits - 1)
                near.all[n++] = m_calendar.use(base + static_cast<unsigned>(std::countr_zero(bits)));
            if (n == 4 + looked_at) break;
            if (base + Calendar::word_slots <= m_calendar.last_slot()) continue;
            std::fill_n(near.all.begin() + static_cast<std::ptrdiff_t>(n), 4, Calendar::Use{far, 0});
            n += 4;
            break;
        }
        near.count = n;
    }

    [[nodiscard]] std::uint64_t search(std::uint64_t earliest, std::uint8_t group) {
        Neighbours near;
        for (std::uint64_t begin = m_calendar.skip_full(0, earliest);;) {
            auto time = static_cast<std::int64_t>(begin);
            if (time >= m_last[0].time) return after_all(begin, group);
            std::int64_t full_from = time; // no group fits from there to `time`
            collect(near, time - m_faw);
            const Calendar::Use* next = near.all.data() + 4;
            while (next->time <= time) ++next;
            const Calendar::Use* const last = near.all.data() + near.count - 3;
            bool passes_full = false;
            for (; next < last; ++next) {
                const std::int64_t soonest = std::max({time, next[-1].time + m_rrd_s, next[-4].time + m_faw});
                time = next->time;
                if (soonest + m_rrd_s > time || has_four_around(next, soonest)) continue;
                const std::int64_t mine = after_group(next - 3, soonest, group);
                m_calendar.mark_full(0, static_cast<std::uint64_t>(full_from),
                                     static_cast<std::uint64_t>(soonest));
                if (fits_before(next, mine, group)) return static_cast<std::uint64_t>(mine);
                full_from = time;
                begin = m_calendar.skip_full(0, static_cast<std::uint64_t>(time));
                passes_full = static_cast<std::int64_t>(begin) > next[1].time;
                if (passes_full) break;
            }
            if (passes_full) continue;
            m_calendar.mark_full(0, static_cast<std::uint64_t>(full_from), static_cast<std::uint64_t>(time));
            begin = m_calendar.skip_full(0, static_cast<std::uint64_t>(time));
        }
    }

    /// The first moment not before `begin`, which lies behind all activates.
    [[nodiscard]] std::uint64_t after_all(std::uint64_t begin, std::uint8_t group) {
        const std::int64_t soonest =
            std::max({static_cast<std::int64_t>(begin), m_last[0].time + m_rrd_s, m_last[3].time + m_faw});
        m_calendar.mark_full(0, begin, static_cast<std::uint64_t>(soonest));
        return static_cast<std::uint64_t>(after_group(m_last.data(), soonest, group));
    }

    /// Whether one more at `time`, just before `next`, makes five within tFAW together with later ones.
    [[nodiscard]] bool has_four_around(const Calendar::Use* next, std::int64_t time) const {
        return next[0].time < next[-3].time + m_faw || next[1].time < next[-2].time + m_faw ||
               next[2].time < next[-1].time + m_faw || next[3].time < time + m_faw;
    }
    /// Two of a group may have at most two others between them: tRRD_L is no longer than tFAW.
    [[nodiscard]] std::int64_t after_group(const Calendar::Use* three, std::int64_t time,
                                           std::uint8_t group) const {
        for (std::size_t i = 0; i < 3; ++i)
            if (three[i].tag == group) time = std::max(time, three[i].time + m_rrd_l);
        return time;
    }
    [[nodiscard]] bool fits_before(const Calendar::Use* next, std::int64_t time, std::uint8_t group) const {
        if (time + m_rrd_s > next->time || time + m_faw > next[3].time) return false;
        for (const Calendar::Use* other = next; other < next + 3; ++other)
            if (other->tag == group && time + m_rrd_l > other->time) return false;
        return true;
    }

    std::int64_t m_rrd_s, m_rrd_l, m_faw;
    std::array<Calendar::Use, 4> m_last{{{-far, 0}, {-far, 0}, {-far, 0}, {-far, 0}}}; ///< latest first
    Calendar m_calendar;
};

} // namespace pagewalk::models
