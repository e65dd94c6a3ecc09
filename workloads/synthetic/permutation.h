#pragma once

#include "base/rng.h"

#include <bit>
#include <cstdint>

namespace pagewalk::workloads {

/// A pseudo-random permutation of [0, n) without a table: multiplications by odd numbers and xor-shifts are
/// bijections of a power of two, and what falls outside n is mapped again (cycle walking; Black and Rogaway,
/// 2002).
class Permutation {
public:
    /// n > 0.
    Permutation(std::uint64_t n, Rng& rng)
        : m_n(n), m_mask(n == 1 ? 0 : ~0ULL >> std::countl_zero(n - 1)),
          m_shift(m_mask == 0 ? 1 : static_cast<unsigned>(std::bit_width(m_mask) + 1) / 2),
          m_first(rng.next() | 1), m_second(rng.next() | 1), m_third(rng.next() | 1), m_offset(rng.next()) {}

    [[nodiscard]] std::uint64_t operator()(std::uint64_t i) const {
        do {
            i = ((i + m_offset) * m_first) & m_mask;
            i ^= i >> m_shift;
            i = (i * m_second) & m_mask;
            i ^= i >> m_shift;
            i = (i * m_third) & m_mask;
            i ^= i >> m_shift;
        } while (i >= m_n);
        return i;
    }

private:
    std::uint64_t m_n, m_mask;
    unsigned m_shift;
    std::uint64_t m_first, m_second, m_third, m_offset;
};

} // namespace pagewalk::workloads
