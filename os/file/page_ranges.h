#pragma once

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// A set of page indices, kept as ranges: few where a file is written from its start to its end.
class PageRanges {
public:
    static constexpr std::uint64_t no_end = ~0ULL;

    [[nodiscard]] bool contains(std::uint64_t index) const;
    /// Adds, or takes out, [first, end).
    void add(std::uint64_t first, std::uint64_t end);
    void remove(std::uint64_t first, std::uint64_t end);
    [[nodiscard]] std::size_t count() const { return m_ranges.size(); } ///< of ranges

private:
    struct Range {
        std::uint64_t first = 0, end = 0;
    };
    std::vector<Range> m_ranges; ///< in order, with gaps between them
};

} // namespace pagewalk::os
