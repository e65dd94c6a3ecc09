#pragma once

#include <bit>
#include <cstdint>
#include <emmintrin.h>

namespace pagewalk::models::replacement {

/// Sixteen bytes of per-set state, one a way; sets of more than 16 ways have two.
struct alignas(16) WayBytes {
    std::uint8_t bytes[16];
};

inline constexpr std::uint8_t no_way = 127;

struct alignas(16) OneHotTable {
    WayBytes rows[16]{};
    constexpr OneHotTable() {
        for (unsigned i = 0; i < 16; ++i) rows[i].bytes[i] = 0xff;
    }
};
inline constexpr OneHotTable one_hot;

[[nodiscard]] inline __m128i load(const WayBytes& bytes) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes.bytes));
}
inline void store(WayBytes& bytes, __m128i value) {
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes.bytes), value);
}
/// Which of the ways hold `value`, a bit each.
[[nodiscard]] inline std::uint32_t ways_equal(const WayBytes* blocks, unsigned block_count,
                                              std::uint8_t value) {
    const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(value * 0x0101010101010101ULL));
    auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(blocks[0]), wanted)));
    if (block_count == 2)
        mask |= static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(blocks[1]), wanted))) << 16;
    return mask;
}

/// Exact least-recently-used: each way's byte is its rank, 0 the most recent.
struct Lru {
    static void reset(WayBytes* blocks, unsigned block_count, unsigned ways) {
        for (unsigned i = 0; i < block_count * 16; ++i)
            blocks[i / 16].bytes[i % 16] = i < ways ? static_cast<std::uint8_t>(i) : no_way;
    }
    static void touch(WayBytes* blocks, unsigned block_count, unsigned way) {
        const std::uint8_t rank = blocks[way / 16].bytes[way % 16];
        if (rank == 0) return;
        const __m128i limit = _mm_set1_epi64x(static_cast<long long>(rank * 0x0101010101010101ULL));
        for (unsigned b = 0; b < block_count; ++b) {
            const __m128i ranks = load(blocks[b]);
            // A comparison's true is -1: subtracting it ages every way that was more recent.
            __m128i aged = _mm_sub_epi8(ranks, _mm_cmplt_epi8(ranks, limit));
            if (b == way / 16) aged = _mm_andnot_si128(load(one_hot.rows[way % 16]), aged);
            store(blocks[b], aged);
        }
    }
    /// The least recent way, made the most recent.
    [[nodiscard]] static unsigned replace(WayBytes* blocks, unsigned block_count, unsigned ways) {
        const auto oldest = static_cast<std::uint8_t>(ways - 1);
        if (block_count == 1) [[likely]] {
            const __m128i limit = _mm_set1_epi64x(static_cast<long long>(oldest * 0x0101010101010101ULL));
            const __m128i ranks = load(blocks[0]);
            const __m128i is_oldest = _mm_cmpeq_epi8(ranks, limit);
            const __m128i aged = _mm_sub_epi8(ranks, _mm_cmplt_epi8(ranks, limit));
            store(blocks[0], _mm_andnot_si128(is_oldest, aged));
            return static_cast<unsigned>(
                std::countr_zero(static_cast<std::uint32_t>(_mm_movemask_epi8(is_oldest))));
        }
        const auto way = static_cast<unsigned>(std::countr_zero(ways_equal(blocks, block_count, oldest)));
        touch(blocks, block_count, way);
        return way;
    }
    /// Makes `way` the next victim.
    static void demote(WayBytes* blocks, unsigned block_count, unsigned way, unsigned ways) {
        const std::uint8_t rank = blocks[way / 16].bytes[way % 16];
        for (unsigned i = 0; i < block_count * 16; ++i) {
            std::uint8_t& other = blocks[i / 16].bytes[i % 16];
            if (other > rank && other != no_way) --other;
        }
        blocks[way / 16].bytes[way % 16] = static_cast<std::uint8_t>(ways - 1);
    }
};

} // namespace pagewalk::models::replacement
