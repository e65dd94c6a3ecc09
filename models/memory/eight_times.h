#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

namespace pagewalk::models {

/// Eight times at once, as distances from some base. They are below 2^31.
using EightTimes = std::int32_t __attribute__((vector_size(32)));

/// Eight times as they lie in memory.
[[nodiscard]] inline EightTimes load_eight(const std::int32_t* times) {
    EightTimes eight;
    std::memcpy(&eight, times, sizeof eight);
    return eight;
}

[[nodiscard]] inline EightTimes later_of(EightTimes a, EightTimes b) { return a > b ? a : b; }
[[nodiscard]] inline EightTimes earlier_of(EightTimes a, EightTimes b) { return a < b ? a : b; }

/// Lane i has what lane `from[i]` of `times` has. Contract: each of `from` is below 8.
[[nodiscard]] inline EightTimes spread(EightTimes times, EightTimes from) {
#ifdef __AVX2__
    return std::bit_cast<EightTimes>(
        _mm256_permutevar8x32_epi32(std::bit_cast<__m256i>(times), std::bit_cast<__m256i>(from)));
#else
    EightTimes result{};
    for (int lane = 0; lane < 8; ++lane) result[lane] = times[from[lane]];
    return result;
#endif
}

/// The earliest of the eight.
[[nodiscard]] inline std::int32_t earliest_of(EightTimes times) {
    times = earlier_of(times, __builtin_shufflevector(times, times, 4, 5, 6, 7, 0, 1, 2, 3));
    times = earlier_of(times, __builtin_shufflevector(times, times, 2, 3, 0, 1, 6, 7, 4, 5));
    times = earlier_of(times, __builtin_shufflevector(times, times, 1, 0, 3, 2, 5, 4, 7, 6));
    return times[0];
}

} // namespace pagewalk::models
