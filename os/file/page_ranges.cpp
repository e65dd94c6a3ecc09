#include "os/file/page_ranges.h"

#include <algorithm>

namespace pagewalk::os {

bool PageRanges::contains(std::uint64_t index) const {
    const auto after = std::ranges::upper_bound(m_ranges, index, {}, &Range::first);
    return after != m_ranges.begin() && index < std::prev(after)->end;
}

void PageRanges::add(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return;
    // Those that overlap it or touch it become one with it.
    const auto from = std::ranges::lower_bound(m_ranges, first, {}, &Range::end);
    const auto to = std::ranges::upper_bound(from, m_ranges.end(), end, {}, &Range::first);
    if (from != to) {
        first = std::min(first, from->first);
        end = std::max(end, std::prev(to)->end);
    }
    m_ranges.insert(m_ranges.erase(from, to), {first, end});
}

void PageRanges::remove(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return;
    const auto from = std::ranges::upper_bound(m_ranges, first, {}, &Range::end);
    const auto to = std::ranges::lower_bound(from, m_ranges.end(), end, {}, &Range::first);
    if (from == to) return;
    const Range before{from->first, first};
    const Range behind{end, std::prev(to)->end};
    auto at = m_ranges.erase(from, to);
    if (behind.first < behind.end) at = m_ranges.insert(at, behind);
    if (before.first < before.end) m_ranges.insert(at, before);
}

} // namespace pagewalk::os
