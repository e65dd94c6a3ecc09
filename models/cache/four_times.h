#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace pagewalk::models {

/// Four times at once. Times are below 2^63.
using FourTimes = std::int64_t __attribute__((vector_size(32)));

/// Four times as they lie in memory.
[[nodiscard]] inline FourTimes load_four(const std::int64_t* times) {
    using Loose = std::int64_t __attribute__((vector_size(32), aligned(8), may_alias));
    return *reinterpret_cast<const Loose*>(times);
}

/// The lanes that hold a comparison's true, a bit each.
[[nodiscard]] inline unsigned lanes_of(FourTimes lanes_true) {
#ifdef __AVX2__
    return static_cast<unsigned>(_mm256_movemask_pd(std::bit_cast<__m256d>(lanes_true)));
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(lanes_true[i] & 1) << i;
    return mask;
#endif
}

/// One of several times.
struct IndexedTime {
    std::size_t index = 0;
    std::int64_t time = 0;
};

/// The earliest of `count` times, of several the one with the lowest index. Contract: count is a multiple of
/// four, at least four.
[[nodiscard]] inline IndexedTime earliest_of(const std::int64_t* times, std::size_t count) {
    const auto earlier = [](FourTimes a, FourTimes b) { return a < b ? a : b; };
    FourTimes first = load_four(times);
    for (std::size_t i = 4; i < count; i += 4) first = earlier(load_four(times + i), first);
    first = earlier(first, __builtin_shufflevector(first, first, 2, 3, 0, 1));
    first = earlier(first, __builtin_shufflevector(first, first, 1, 0, 3, 2));
    for (std::size_t i = 0;; i += 4)
        if (const unsigned here = lanes_of(load_four(times + i) == first); here != 0)
            return {i + static_cast<unsigned>(std::countr_zero(here)), first[0]};
}

} // namespace pagewalk::models
