#pragma once

#include <compare>
#include <cstdint>

namespace pagewalk {

/// A strong 64-bit count; the tag says of what.
template <class Tag>
class Count {
public:
    constexpr Count() = default;
    explicit constexpr Count(std::uint64_t value) : m_value(value) {}

    [[nodiscard]] constexpr std::uint64_t value() const { return m_value; }

    constexpr auto operator<=>(const Count&) const = default;
    constexpr Count& operator+=(Count b) {
        m_value += b.m_value;
        return *this;
    }
    constexpr Count& operator-=(Count b) {
        m_value -= b.m_value;
        return *this;
    }
    friend constexpr Count operator+(Count a, Count b) { return Count(a.m_value + b.m_value); }
    friend constexpr Count operator-(Count a, Count b) { return Count(a.m_value - b.m_value); }
    friend constexpr Count operator*(Count a, std::uint64_t n) { return Count(a.m_value * n); }

private:
    std::uint64_t m_value = 0;
};

/// Simulated time in picoseconds: a point since power-on, or a span.
using Tick = Count<struct TickTag>;
/// Cycles of one clock domain: a point since power-on, or a span.
using Cycles = Count<struct CyclesTag>;

inline constexpr std::uint64_t ticks_per_second = 1'000'000'000'000ULL;
inline constexpr std::uint64_t ticks_per_ns = 1'000ULL;

/// Converts between ticks and the cycles of one clock domain. Frequencies need not divide 1 THz: period and
/// frequency are held as fixed-point numbers with 32 and 64 fraction bits, so that a run of hours drifts by
/// less than a cycle.
class Clock {
public:
    explicit constexpr Clock(std::uint64_t hertz)
        : m_hertz(hertz), m_period((static_cast<unsigned __int128>(ticks_per_second) << 32) / hertz),
          m_frequency(
              static_cast<std::uint64_t>((static_cast<unsigned __int128>(hertz) << 64) / ticks_per_second)) {}

    [[nodiscard]] constexpr std::uint64_t hertz() const { return m_hertz; }

    [[nodiscard]] constexpr Tick to_ticks(Cycles cycles) const {
        return Tick(static_cast<std::uint64_t>((m_period * cycles.value()) >> 32));
    }
    /// The first cycle that does not start before `ticks`.
    [[nodiscard]] constexpr Cycles to_cycles(Tick ticks) const {
        std::uint64_t n =
            static_cast<std::uint64_t>((static_cast<unsigned __int128>(ticks.value()) * m_frequency) >> 64);
        while (to_ticks(Cycles(n)) < ticks) ++n;
        return Cycles(n);
    }

private:
    std::uint64_t m_hertz;
    unsigned __int128 m_period; // ticks a cycle
    std::uint64_t m_frequency;  // cycles a tick
};

} // namespace pagewalk
