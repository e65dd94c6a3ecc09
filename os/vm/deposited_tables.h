#pragma once

#include "base/address.h"
#include "base/error.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// Level-1 tables that are kept while huge pages are mapped, so that their entries can be split without
/// memory. The entries of one level-2 table share a ring (pgtable_trans_huge_deposit): what was added last is
/// taken first, then what follows it in the ring, the oldest of all.
class DepositedTables {
public:
    void add(Pfn upper, Pfn table) {
        m_rings[upper.value()].push_back(table);
        ++m_count;
    }
    /// Contract: there is one.
    [[nodiscard]] Pfn take(Pfn upper) {
        const auto found = m_rings.find(upper.value());
        PAGEWALK_INVARIANT(found != m_rings.end());
        std::vector<Pfn>& ring =
            found->second; // the one to be taken is at the end, its successor at the front
        const Pfn table = ring.back();
        ring.pop_back();
        --m_count;
        if (ring.empty()) {
            m_rings.erase(found);
        } else {
            ring.push_back(ring.front());
            ring.erase(ring.begin());
        }
        return table;
    }
    [[nodiscard]] std::size_t count() const { return m_count; }

private:
    std::unordered_map<std::uint64_t, std::vector<Pfn>> m_rings; ///< by the frame of the level-2 table
    std::size_t m_count = 0;
};

} // namespace pagewalk::os
