#pragma once

#include <cstdint>

namespace pagewalk::models {

/// Divides 32-bit counts by a divisor that is known beforehand, rounding up, without a division. Exact while
/// the dividend plus the divisor stays below 2^32 / divisor (Granlund, Montgomery, "Division by invariant
/// integers using multiplication", PLDI 1994).
class CeilDivider {
public:
    explicit constexpr CeilDivider(std::uint32_t divisor)
        : m_divisor_less_one(divisor - 1), m_reciprocal(((1ULL << 32) + divisor - 1) / divisor) {}

    [[nodiscard]] constexpr std::uint64_t operator()(std::uint32_t count) const {
        return (std::uint64_t{count} + m_divisor_less_one) * m_reciprocal >> 32;
    }

private:
    std::uint64_t m_divisor_less_one;
    std::uint64_t m_reciprocal;
};

} // namespace pagewalk::models
