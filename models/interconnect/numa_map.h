#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/ids.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace pagewalk::models {

/// Which physical addresses belong to which NUMA node. Addresses between ranges go to the range below them
/// (the first range, when there is none): device memory needs no node of its own.
class NumaMap {
public:
    struct Range {
        PhysAddr start{};
        PhysAddr end{}; ///< exclusive
        NodeId node{};
    };

    /// Ranges may come in any order. Throws ConfigError when two overlap or one is empty.
    explicit NumaMap(std::vector<Range> ranges) : m_ranges(std::move(ranges)) {
        std::ranges::sort(m_ranges, {}, &Range::start);
        if (m_ranges.empty()) throw ConfigError("NUMA map: no memory; at least one range is needed");
        for (std::size_t i = 0; i < m_ranges.size(); ++i) {
            if (m_ranges[i].end <= m_ranges[i].start)
                throw ConfigError("NUMA map: range " + std::to_string(i) + " is empty");
            if (i > 0 && m_ranges[i].start < m_ranges[i - 1].end)
                throw ConfigError("NUMA map: ranges " + std::to_string(i - 1) + " and " + std::to_string(i) +
                                  " overlap");
        }
    }

    [[nodiscard]] const Range& range_of(PhysAddr address) const {
        // A machine has a handful of ranges.
        std::size_t i = m_ranges.size() - 1;
        while (i > 0 && address < m_ranges[i].start) --i;
        return m_ranges[i];
    }
    [[nodiscard]] NodeId node_of(PhysAddr address) const { return range_of(address).node; }
    /// One more than the highest node.
    [[nodiscard]] std::size_t node_count() const {
        return index_of(std::ranges::max(m_ranges, {}, &Range::node).node) + 1;
    }

private:
    std::vector<Range> m_ranges;
};

} // namespace pagewalk::models
