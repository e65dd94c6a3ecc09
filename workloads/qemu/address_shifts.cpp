#include "workloads/qemu/address_shifts.h"

#include <algorithm>

namespace pagewalk::workloads {

void AddressShifts::place(VirtAddr theirs, std::uint64_t bytes, VirtAddr ours) {
    const VirtAddr end = theirs + bytes;
    std::vector<Range> kept;
    for (const Range& range : m_ranges) {
        if (range.start < theirs) kept.push_back({range.start, std::min(range.end, theirs), range.shift});
        if (range.end > end) kept.push_back({std::max(range.start, end), range.end, range.shift});
    }
    if (ours != theirs) kept.push_back({theirs, end, ours.value() - theirs.value()});
    std::ranges::sort(kept, {}, &Range::start);
    m_ranges = std::move(kept);
    m_low = m_ranges.empty() ? VirtAddr{~0ULL} : m_ranges.front().start;
    m_high = m_ranges.empty() ? VirtAddr{} : m_ranges.back().end;
    m_last = 0;
}

VirtAddr AddressShifts::look_up(VirtAddr theirs) const {
    if (const Range& last = m_ranges[m_last]; theirs >= last.start && theirs < last.end)
        return VirtAddr(theirs.value() + last.shift);
    const auto after = std::ranges::upper_bound(m_ranges, theirs, {}, &Range::start);
    if (after == m_ranges.begin() || theirs >= (after - 1)->end) return theirs;
    m_last = static_cast<std::size_t>(after - 1 - m_ranges.begin());
    return VirtAddr(theirs.value() + m_ranges[m_last].shift);
}

} // namespace pagewalk::workloads
