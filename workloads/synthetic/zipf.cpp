#include "workloads/synthetic/zipf.h"

#include "base/error.h"

#include <algorithm>
#include <bit>

namespace pagewalk::workloads {

namespace {

using Wide = unsigned __int128;

/// The largest r with r * r <= x.
std::uint64_t integer_root(Wide x) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = 1ULL << 63; bit != 0; bit >>= 1)
        if (static_cast<Wide>(root | bit) * (root | bit) <= x) root |= bit;
    return root;
}

/// log2 with 32 fraction bits, by repeated squaring.
std::uint64_t log2_fixed(std::uint64_t x) {
    const unsigned whole = static_cast<unsigned>(std::bit_width(x)) - 1;
    Wide mantissa = static_cast<Wide>(x) << (63 - whole);
    std::uint64_t result = whole;
    for (int i = 0; i < 32; ++i) {
        mantissa = (mantissa * mantissa) >> 63;
        const bool carry = (mantissa >> 64) != 0;
        if (carry) mantissa >>= 1;
        result = result << 1 | static_cast<std::uint64_t>(carry);
    }
    return result;
}

/// 2^-y with 63 fraction bits, for y with 32.
std::uint64_t exp2_negative(std::uint64_t y) {
    if (y >> 32 >= 63) return 0;
    std::uint64_t result = 1ULL << 63;
    std::uint64_t factor = integer_root(static_cast<Wide>(1) << 125);
    for (unsigned bit = 31;; --bit) {
        if ((y >> bit & 1) != 0)
            result = static_cast<std::uint64_t>((static_cast<Wide>(result) * factor) >> 63);
        if (bit == 0) break;
        factor = integer_root(static_cast<Wide>(factor) << 63);
    }
    return result >> (y >> 32);
}

} // namespace

Zipf::Zipf(std::uint64_t n, std::uint32_t exponent_percent) {
    PAGEWALK_INVARIANT(n > 0 && exponent_percent <= 400);
    std::vector<Wide> weights;
    Wide total = 0;
    for (std::uint64_t first = 0; first < n;) {
        const std::uint64_t width = std::min(first < 16 ? 1 : first / 8, n - first);
        m_segments.push_back({first, width, ~0ULL, static_cast<std::uint32_t>(m_segments.size())});
        const std::uint64_t middle = first + 1 + (width - 1) / 2;
        weights.push_back(static_cast<Wide>(exp2_negative(log2_fixed(middle) * exponent_percent / 100)) *
                          width);
        total += weights.back();
        first += width;
    }
    // Sums must leave room for 64 fraction bits below.
    while (total >> 54 != 0) {
        total = 0;
        for (Wide& weight : weights) total += weight >>= 1;
    }

    // Vose: columns of the mean weight, each shared by a light segment and a heavy one.
    std::vector<std::size_t> light, heavy;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] *= weights.size();
        (weights[i] < total ? light : heavy).push_back(i);
    }
    while (!light.empty() && !heavy.empty()) {
        const std::size_t small = light.back(), large = heavy.back();
        light.pop_back();
        m_segments[small].threshold = static_cast<std::uint64_t>((weights[small] << 64) / total);
        m_segments[small].alias = static_cast<std::uint32_t>(large);
        weights[large] -= total - weights[small];
        if (weights[large] < total) {
            heavy.pop_back();
            light.push_back(large);
        }
    }
}

} // namespace pagewalk::workloads
