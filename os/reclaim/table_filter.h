#pragma once

#include "base/address.h"

#include <bitset>
#include <cstdint>

namespace pagewalk::os {

/// A Bloom filter of page tables that were worth looking through: two hash functions over 2^15 bits, so that
/// a table may be taken for one of them but none of them is missed. Source: BLOOM_FILTER_SHIFT of Linux 6.1.
class TableFilter {
public:
    void add(Pfn table) {
        const Keys keys = keys_of(table);
        m_bits.set(keys.first);
        m_bits.set(keys.second);
    }
    [[nodiscard]] bool may_have(Pfn table) const {
        const Keys keys = keys_of(table);
        return m_bits.test(keys.first) && m_bits.test(keys.second);
    }
    void clear() { m_bits.reset(); }

private:
    static constexpr unsigned shift = 15;
    struct Keys {
        std::size_t first = 0, second = 0;
    };
    [[nodiscard]] static Keys keys_of(Pfn table) {
        constexpr std::uint64_t golden_ratio = 0x61C8864680B583EB;
        const std::uint64_t hash = table.value() * golden_ratio >> (64 - 2 * shift);
        return {static_cast<std::size_t>(hash & ((1U << shift) - 1)),
                static_cast<std::size_t>(hash >> shift)};
    }

    std::bitset<1U << shift> m_bits;
};

} // namespace pagewalk::os
