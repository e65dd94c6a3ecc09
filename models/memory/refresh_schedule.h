#pragma once

#include "base/time.h"

#include <cstdint>

namespace pagewalk::models {

/// When a rank is refreshed, in clocks: all its banks at once, every tREFI, for tRP (precharge) + tRFC, never
/// postponed. Period k begins with refresh k; period 0 has none. A row that is open when a period ends is
/// closed.
class RefreshSchedule {
public:
    /// `shift`: how much later than at multiples of the interval this rank's refreshes begin.
    RefreshSchedule(Cycles interval, Cycles blocked, Cycles shift)
        : m_interval(interval.value()), m_blocked(blocked.value()), m_shift(shift.value()), m_start(m_shift) {
    }

    /// The period that `time` lies in.
    [[nodiscard]] std::uint64_t period(std::uint64_t time) {
        // Requests come nearly in order, so the last period nearly always fits and nothing is divided.
        if (time - m_start >= m_interval) seek(time);
        return m_period;
    }
    /// `time`, or the end of the refresh that it falls into.
    [[nodiscard]] std::uint64_t after_refresh(std::uint64_t time) {
        const std::uint64_t k = period(time);
        if (k == 0 || time - m_start >= m_blocked) return time;
        return m_start + m_blocked;
    }
    /// The first clock not before `time` from which on `span` clocks pass without a refresh. Contract: the
    /// interval has room for them.
    [[nodiscard]] std::uint64_t undisturbed(std::uint64_t time, std::uint64_t span) {
        const std::uint64_t begin = after_refresh(time), next = m_start + m_interval;
        return begin + span < next ? begin : next + m_blocked;
    }

private:
    void seek(std::uint64_t time) {
        m_period = time < m_shift ? 0 : (time - m_shift) / m_interval;
        m_start = m_shift + m_period * m_interval;
        if (time < m_shift) m_start = m_shift - m_interval;
    }

    std::uint64_t m_interval;
    std::uint64_t m_blocked;
    std::uint64_t m_shift;
    std::uint64_t m_period = 0;
    std::uint64_t m_start; // of m_period; wraps below zero for a time before the shift
};

} // namespace pagewalk::models
