#pragma once

#include "contract/instruction_stream.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pagewalk::models {

/// The ports that micro-ops have taken in the cycles to come, and how many of them still wait for their
/// cycle. A ring of cycles: those that have passed are swept only when the count is asked for, so that time
/// may move on at no cost.
class IssueSchedule {
public:
    static constexpr std::uint64_t window = 1ULL << 16; ///< cycles ahead that ports are kept track of

    explicit IssueSchedule(const std::array<std::uint16_t, uop_class_count>& ports)
        : m_ports(ports), m_taken(window) {}

    /// The first cycle from `ready` on in which a port of the class is free; takes it, the highest first.
    /// Contract: ready > now, and `now` never runs backwards. What is beyond the window from `now` on waits
    /// for no port.
    [[nodiscard]] std::uint64_t issue(UopClass cls, std::uint64_t ready, std::uint64_t now) {
        if (ready - m_swept < window && take(m_ports[static_cast<std::size_t>(cls)], ready)) [[likely]]
            return ready;
        return issue_later(cls, ready, now);
    }
    /// No fewer than waiting() would count.
    [[nodiscard]] std::uint32_t waiting_at_most() const { return m_waiting; }
    /// Micro-ops whose cycle is after `now`.
    [[nodiscard]] std::uint32_t waiting(std::uint64_t now) {
        if (m_swept != now) sweep(now);
        return m_waiting;
    }
    /// The first cycle after the last that waiting() was asked for in which one issues. Contract: one waits.
    [[nodiscard]] std::uint64_t next() const;

private:
    /// Cycles found without a free port for a class: a search that begins in them goes on at their end.
    struct Full {
        std::uint64_t begin = 0, end = 0;
    };

    [[nodiscard]] bool take(std::uint16_t ports, std::uint64_t cycle) {
        std::uint16_t& taken = m_taken[cycle & (window - 1)];
        const std::uint32_t free = ports & ~static_cast<std::uint32_t>(taken);
        if (free == 0) return false;
        taken = static_cast<std::uint16_t>(taken | 0x80000000U >> std::countl_zero(free));
        ++m_waiting;
        return true;
    }
    [[nodiscard]] std::uint64_t four_from(std::uint64_t cycle) const {
        std::uint64_t four;
        std::memcpy(&four, &m_taken[cycle & (window - 1)], sizeof four);
        return four;
    }
    /// Which cycles of the word that holds the first unswept one are not swept.
    [[nodiscard]] std::uint64_t first_unswept() const { return ~0ULL << (16 * ((m_swept + 1) & 3)); }
    void sweep(std::uint64_t now);
    [[nodiscard]] std::uint64_t issue_later(UopClass cls, std::uint64_t ready, std::uint64_t now);

    std::array<std::uint16_t, uop_class_count> m_ports;
    std::uint32_t m_waiting = 0; ///< after m_swept
    std::uint64_t m_swept = 0;   ///< cycles up to this one are free of marks
    std::vector<std::uint16_t> m_taken;
    std::array<Full, uop_class_count> m_full{};
};

} // namespace pagewalk::models
