#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// What a channel's past says of how long requests wait: its mean time between two that had to, and how far
/// forecasts were off on average, by how many requests waited before. Exponential means in integers.
class LearnedWait {
public:
    /// `interval`: of services to begin with, in clocks.
    explicit LearnedWait(std::uint64_t interval) : m_interval(interval << fraction_bits) {}

    /// Of `waiting` requests before one.
    [[nodiscard]] static std::uint8_t load(std::size_t waiting) {
        return static_cast<std::uint8_t>(
            std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(waiting)), load_count - 1));
    }
    /// Until `count` requests are served.
    [[nodiscard]] std::uint64_t time_for(std::uint64_t count) const {
        return count * m_interval >> fraction_bits;
    }
    /// `forecast` with the error that such have had.
    [[nodiscard]] std::uint64_t correct(std::uint64_t forecast, std::uint8_t load) const {
        const std::int64_t error = m_error[load] >> fraction_bits;
        return error < 0 ? forecast - std::min(forecast, static_cast<std::uint64_t>(-error))
                         : forecast + static_cast<std::uint64_t>(error);
    }
    void learn_interval(std::uint64_t clocks) {
        m_interval += ((clocks << fraction_bits) >> interval_weight) - (m_interval >> interval_weight);
    }
    /// `corrected`: what correct() has answered.
    void learn_error(std::uint64_t corrected, std::uint64_t actual, std::uint8_t load) {
        const std::int64_t error = static_cast<std::int64_t>((actual - corrected) << fraction_bits);
        // An error shows when all that waited before is served: what is learned faster than that swings.
        m_error[load] += error / (1 << std::max<unsigned>(least_weight, load + 3U));
    }

private:
    static constexpr unsigned fraction_bits = 10, interval_weight = 6, least_weight = 6;
    static constexpr std::size_t load_count = 12;

    std::uint64_t m_interval;
    std::array<std::int64_t, load_count> m_error{};
};

} // namespace pagewalk::models
