#pragma once

#include "models/mmu/replacement/tlb_replacement.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// Static re-reference interval prediction with two bits (Jaleel et al., ISCA 2010): a translation comes in
/// with a long interval (2), a hit makes it near (0), the first distant one (3) leaves.
class SrripTlb final : public TlbReplacement {
public:
    explicit SrripTlb(TlbShape shape) : m_intervals(shape.slots, distant) {}

    void hit(std::size_t slot) override { m_intervals[slot] = 0; }
    void filled(std::size_t slot) override { m_intervals[slot] = inserted; }
    [[nodiscard]] std::size_t victim(std::size_t first, std::span<const std::int64_t> used) override {
        const std::span<std::uint8_t> set(&m_intervals[first], used.size());
        const auto farthest = std::ranges::max_element(set);
        const auto age = static_cast<std::uint8_t>(distant - *farthest);
        for (std::uint8_t& interval : set) interval = static_cast<std::uint8_t>(interval + age);
        return static_cast<std::size_t>(farthest - set.begin());
    }

private:
    static constexpr std::uint8_t inserted = 2;
    static constexpr std::uint8_t distant = 3;
    std::vector<std::uint8_t> m_intervals;
};

} // namespace pagewalk::models
