#include "results/crc32.h"

#include <immintrin.h>

#include <zlib.h>

namespace pagewalk::results {
namespace {

constexpr std::size_t block = 4 * sizeof(__m128i);

[[nodiscard]] std::uint32_t by_zlib(std::uint32_t before, const std::byte* bytes, std::size_t count) {
    return static_cast<std::uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes), count));
}

[[nodiscard]] __m128i load(const std::byte* bytes) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

/// What is congruent to `folded` where it ends, brought to where `next` ends. `powers`: of x, modulo CRC-32's
/// polynomial, for the distance.
[[nodiscard, gnu::target("pclmul")]] inline __m128i fold(__m128i folded, __m128i powers, __m128i next) {
    const __m128i low = _mm_clmulepi64_si128(folded, powers, 0x00);
    const __m128i high = _mm_clmulepi64_si128(folded, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/// Of whole blocks, one at least.
[[nodiscard, gnu::target("pclmul")]] std::uint32_t by_folding(std::uint32_t before, const std::byte* bytes,
                                                              std::size_t blocks) {
    // x^(4*128+32), x^(4*128-32), x^(128+32), x^(128-32): the paper's constants for zlib's bit order.
    const __m128i by_block = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16_bytes = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i a = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128(static_cast<int>(~before)));
    __m128i b = load(bytes + 16), c = load(bytes + 32), d = load(bytes + 48);
    for (; --blocks != 0;) {
        bytes += block;
        a = fold(a, by_block, load(bytes));
        b = fold(b, by_block, load(bytes + 16));
        c = fold(c, by_block, load(bytes + 32));
        d = fold(d, by_block, load(bytes + 48));
    }
    const __m128i all = fold(fold(fold(a, by_16_bytes, b), by_16_bytes, c), by_16_bytes, d);
    // A message of these 16 bytes, without the ones that zlib puts in front, has the same remainder.
    std::byte last[sizeof all];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(last), all);
    return by_zlib(~0U, last, sizeof last);
}

} // namespace

std::uint32_t crc32_after(std::uint32_t before, std::span<const std::byte> bytes) {
    static const bool can_fold = __builtin_cpu_supports("pclmul") != 0;
    const std::size_t blocks = can_fold ? bytes.size() / block : 0;
    if (blocks != 0) before = by_folding(before, bytes.data(), blocks);
    const std::span<const std::byte> rest = bytes.subspan(blocks * block);
    return by_zlib(before, rest.data(), rest.size());
}

} // namespace pagewalk::results
