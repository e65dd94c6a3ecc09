#pragma once

#include "base/rng.h"

#include <cstdint>
#include <vector>

namespace pagewalk::workloads {

/// Draws ranks 0 .. n-1 with probability falling as (rank+1)^-s, in integers only, so that every host draws
/// the same. Ranks up to 16 are exact; above, ranks are grouped into segments an eighth of their rank wide
/// that are uniform inside, so a rank's probability is off by at most s * 1/16. Segments are drawn from an
/// alias table (Walker 1977; Vose 1991).
class Zipf {
public:
    /// s = exponent_percent / 100, 0 .. 400; n > 0.
    Zipf(std::uint64_t n, std::uint32_t exponent_percent);

    [[nodiscard]] std::uint64_t draw(Rng& rng) const {
        const auto product = static_cast<unsigned __int128>(rng.next()) * m_segments.size();
        const Segment* segment = &m_segments[static_cast<std::size_t>(product >> 64)];
        if (static_cast<std::uint64_t>(product) >= segment->threshold) segment = &m_segments[segment->alias];
        return segment->width == 1 ? segment->first : segment->first + rng.below(segment->width);
    }

private:
    struct Segment {
        std::uint64_t first = 0; ///< rank
        std::uint64_t width = 1;
        std::uint64_t threshold = ~0ULL; ///< of 2^64: below it the segment itself, else its alias
        std::uint32_t alias = 0;
    };
    std::vector<Segment> m_segments;
};

} // namespace pagewalk::workloads
