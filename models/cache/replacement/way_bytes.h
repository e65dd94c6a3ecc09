#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

/// A byte of state a way, all ways of a set handled at once: 16 bytes, or 32 for sets of more than 16 ways.
/// On a host without AVX2 the compiler makes two of the vectors of 32.
namespace pagewalk::models::replacement {

using Ways16 = std::int8_t __attribute__((vector_size(16)));
using Ways32 = std::int8_t __attribute__((vector_size(32)));

/// The byte of ways that a set does not have.
inline constexpr std::uint8_t no_way = 127;

// As they lie in memory.
using LooseWays16 = std::int8_t __attribute__((vector_size(16), aligned(1), may_alias));
using LooseWays32 = std::int8_t __attribute__((vector_size(32), aligned(1), may_alias));

template <class Ways>
[[nodiscard]] inline Ways load(const std::uint8_t* bytes) {
    if constexpr (sizeof(Ways) == sizeof(Ways16))
        return *reinterpret_cast<const LooseWays16*>(bytes);
    else
        return *reinterpret_cast<const LooseWays32*>(bytes);
}
template <class Ways>
inline void store(std::uint8_t* bytes, Ways ways) {
    if constexpr (sizeof(Ways) == sizeof(Ways16))
        *reinterpret_cast<LooseWays16*>(bytes) = ways;
    else
        *reinterpret_cast<LooseWays32*>(bytes) = ways;
}

/// The ways whose byte is negative (a comparison's true), a bit each.
[[nodiscard]] inline std::uint32_t mask_of(Ways16 ways) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(ways)));
}
[[nodiscard]] inline std::uint32_t mask_of(Ways32 ways) {
#ifdef __AVX2__
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(std::bit_cast<__m256i>(ways)));
#else
    Ways16 half[2];
    std::memcpy(half, &ways, sizeof half);
    return mask_of(half[0]) | mask_of(half[1]) << 16;
#endif
}

/// The ways whose byte is `value`, a bit each.
template <class Ways>
[[nodiscard]] inline std::uint32_t ways_equal(const std::uint8_t* bytes, std::uint8_t value) {
    return mask_of(static_cast<Ways>(load<Ways>(bytes) == static_cast<std::int8_t>(value)));
}

struct alignas(64) OneHot {
    std::uint8_t bytes[64]{};
    constexpr OneHot() { bytes[32] = 0xff; }
};
inline constexpr OneHot one_hot_window;

/// All ones in the byte of `way`.
template <class Ways>
[[nodiscard]] inline Ways one_hot(unsigned way) {
    return load<Ways>(one_hot_window.bytes + 32 - way);
}

} // namespace pagewalk::models::replacement
