#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace pagewalk::models {

/// Miss-status holding registers: how many misses a cache can have under way. Times are in whatever unit the
/// cache uses. A register is taken from when the miss is known until its line arrives. Misses come with time
/// stamps that need not ascend: each gets the first span in which a register is free all the time that it
/// needs one, so no more are ever under way than there are registers.
///
/// Approximations: how long a miss takes is known only once it has been sent, so one that meets registers
/// taken after it, when all were, comes later by the whole time that it would have had to wait. The last
/// eight misses a register, 64 at least, are remembered; what is older counts as over.
class MshrFile {
public:
    explicit MshrFile(std::size_t count)
        : m_count(count), m_starts(std::max(remembered_a_register * count, remembered_least)),
          m_releases(std::max(remembered_a_register * count, remembered_least)) {}

    /// When a miss known at `time` gets a register.
    [[nodiscard]] std::uint64_t first_free(std::uint64_t time) {
        if (is_free_from(time)) return time;
        if (!m_full.holds(time) || !m_releases.remembers(time)) return find_first_free(time);
        return is_free_from(m_full.end) ? m_full.end : find_first_free(m_full.end);
    }
    [[nodiscard]] bool has_free(std::uint64_t time) { return first_free(time) == time; }

    /// Takes a register for a miss that first_free() let start, and whose line is to arrive at `release`.
    /// Returns when it does: later where all registers were taken for a while in between.
    [[nodiscard]] std::uint64_t take(std::uint64_t start, std::uint64_t release) {
        if (release <= start) return release;
        const std::uint64_t duration = release - start;
        if (!is_free_from(start)) start = first_room(start, duration);
        m_starts.insert(start);
        m_releases.insert(start + duration);
        return start + duration;
    }

private:
    static constexpr std::size_t remembered_a_register = 8, remembered_least = 64;

    /// The latest of the times given, in order.
    class Times {
    public:
        explicit Times(std::size_t remembered)
            : m_remembered(remembered), m_times(2 * remembered), m_end(remembered) {}

        /// The latest is number 0.
        [[nodiscard]] std::uint64_t latest(std::size_t i) const { return m_times[m_end - 1 - i]; }
        /// None that is after `time` has been forgotten.
        [[nodiscard]] bool remembers(std::uint64_t time) const { return latest(m_remembered - 1) <= time; }
        [[nodiscard]] std::size_t count_after(std::uint64_t time) const {
            const auto end = m_times.begin() + static_cast<std::ptrdiff_t>(m_end);
            const auto first = end - static_cast<std::ptrdiff_t>(m_remembered);
            return static_cast<std::size_t>(end - std::upper_bound(first, end, time));
        }
        void insert(std::uint64_t time) {
            if (m_end == m_times.size()) {
                std::copy(m_times.end() - static_cast<std::ptrdiff_t>(m_remembered), m_times.end(),
                          m_times.begin());
                m_end = m_remembered;
            }
            // Nearly all are among the last; what is further back moves as one block.
            std::size_t place = m_end++;
            const std::size_t near = place - near_times;
            for (; m_times[place - 1] > time; --place) {
                if (place == near) return insert_far(place, time);
                m_times[place] = m_times[place - 1];
            }
            m_times[place] = time;
        }

    private:
        static constexpr std::size_t near_times = 8;

        void insert_far(std::size_t place, std::uint64_t time) {
            const auto end = m_times.begin() + static_cast<std::ptrdiff_t>(place);
            const auto first = m_times.begin() + static_cast<std::ptrdiff_t>(m_end - 1 - m_remembered);
            const auto found = std::upper_bound(first, end, time);
            std::move_backward(found, end, end + 1);
            *found = time;
        }

        std::size_t m_remembered;
        std::vector<std::uint64_t> m_times; // a window that moves up and is now and then put back
        std::size_t m_end;
    };

    /// Moments at all of which every register is taken.
    struct Full {
        std::uint64_t begin = 0, end = 0;
        [[nodiscard]] bool holds(std::uint64_t time) const { return begin <= time && time < end; }
    };

    /// Fewer misses than there are registers have not ended at `time`, known ones that begin later included.
    [[nodiscard]] bool is_free_from(std::uint64_t time) const {
        return m_releases.latest(m_count - 1) <= time;
    }
    /// The first moment not before `time` from which a register is free for `duration`.
    [[nodiscard]] std::uint64_t first_room(std::uint64_t time, std::uint64_t duration) const {
        if (m_starts.latest(0) <= time) return m_releases.latest(m_count - 1);
        // Those under way are those that have not ended less those that have not begun.
        std::size_t to_end = m_releases.count_after(time), to_begin = m_starts.count_after(time);
        for (;;) {
            const bool full = to_end - to_begin >= m_count;
            const std::uint64_t begin =
                to_begin == 0 ? std::numeric_limits<std::uint64_t>::max() : m_starts.latest(to_begin - 1);
            if (!full && (to_begin == 0 || begin >= time + duration)) return time;
            if (const std::uint64_t end = m_releases.latest(to_end - 1); end > begin) {
                --to_begin;
            } else {
                --to_end;
                if (full) time = end;
            }
        }
    }

    [[nodiscard]] std::uint64_t find_first_free(std::uint64_t time) {
        const std::uint64_t room = first_room(time, 1);
        if (time != m_full.end) m_full.begin = time;
        m_full.end = room;
        return room;
    }

    std::size_t m_count;
    Times m_starts;
    Times m_releases;
    Full m_full; ///< where searches for a free register found none last
};

} // namespace pagewalk::models
