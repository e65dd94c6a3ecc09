#pragma once

#include "base/address.h"

#include <cstdint>
#include <vector>

namespace pagewalk::workloads {

/// Where a process's memory lies for the simulated kernel, by where it lies in the emulator. What is not
/// noted lies where it is.
class AddressShifts {
public:
    /// What is at [theirs, theirs + bytes) lies at `ours` from now on.
    void place(VirtAddr theirs, std::uint64_t bytes, VirtAddr ours);

    [[nodiscard]] bool empty() const { return m_ranges.empty(); }
    [[nodiscard]] VirtAddr ours(VirtAddr theirs) const {
        if (theirs < m_low || theirs >= m_high) [[likely]]
            return theirs;
        return look_up(theirs);
    }
    /// May an address be elsewhere? Cheap, and true for some that are not.
    [[nodiscard]] bool may_shift(VirtAddr theirs) const { return theirs >= m_low && theirs < m_high; }

private:
    struct Range {
        VirtAddr start, end; ///< theirs
        std::uint64_t shift; ///< ours - theirs, modulo 2^64
    };
    [[nodiscard]] VirtAddr look_up(VirtAddr theirs) const;

    std::vector<Range> m_ranges;     ///< by address
    VirtAddr m_low{~0ULL}, m_high{}; ///< around all of them
    mutable std::size_t m_last = 0;
};

} // namespace pagewalk::workloads
