#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// At which clocks a resource is blocked: rows of bits, a bit a clock, a row for each set of users that is
/// blocked together. What is reserved stays reserved, so bits are only ever set, and the first free clock is
/// found 64 clocks at a time. Each row is a ring that reaches 16384 clocks (10 us of DDR4-3200) back. What is
/// older counts as free, unless the oldest clocks that the ring holds are mostly blocked: then the resource
/// has lagged behind its users since.
class ClockCalendar {
public:
    /// No use may block more than this around itself, in clocks.
    static constexpr std::uint64_t longest_span = 2048;

    explicit ClockCalendar(std::size_t rows) : m_bits(rows * word_count) {}

    /// Makes the ring reach to `until`. Contract: comes before anything up to there is blocked.
    void reach(std::uint64_t until) {
        // One word more, so that the last is always free: searches end there.
        if (const std::uint64_t word = until / word_clocks + 1; word > m_top) [[unlikely]]
            turn_to(word);
    }
    /// What is to be blocked of a row, a bit a clock.
    struct RowMask {
        std::size_t row;
        std::uint64_t mask;
    };
    /// Blocks clock `from` + i of each row where bit i of its mask is set. A `from` before clock 0 may have
    /// wrapped around. Contract: reach() comes first.
    template <std::same_as<RowMask>... Masks>
    [[gnu::always_inline]] void block(std::uint64_t from, Masks... masks) {
        const std::uint64_t word = from / word_clocks, bit = from % word_clocks, left = ~from % word_clocks;
        if (!holds(word)) [[unlikely]]
            return (block_held(masks.row, from, masks.mask), ...);
        std::uint64_t* const first = m_bits.data() + word % word_count;
        std::uint64_t* const second = m_bits.data() + (word + 1) % word_count;
        ((first[masks.row * word_count] |= masks.mask << bit), ...);
        ((second[masks.row * word_count] |= masks.mask >> 1 >> left), ...);
    }
    /// Blocks [from, until).
    void block_all(std::size_t row, std::uint64_t from, std::uint64_t until) {
        for (; from < until; from = (from / word_clocks + 1) * word_clocks)
            block_held(row, from, ~0ULL >> (word_clocks - std::min(until - from, word_clocks)));
    }
    /// The first clock not before `earliest` that is blocked in neither row. Whether the resource has lagged
    /// is told by the first.
    [[nodiscard, gnu::always_inline]] std::uint64_t find(std::size_t row, std::size_t other,
                                                         std::uint64_t earliest) const {
        const std::uint64_t *const mine = ring(row), *const also = ring(other);
        std::uint64_t word = earliest / word_clocks, from = earliest % word_clocks;
        if (!holds(word)) [[unlikely]] {
            if (word > m_top || !lags(row)) return earliest;
            word = oldest();
            from = 0;
        }
        std::uint64_t free = ~(mine[word % word_count] | also[word % word_count]) & ~0ULL << from;
        for (; free == 0; free = ~(mine[word % word_count] | also[word % word_count])) ++word;
        return word * word_clocks + static_cast<unsigned>(std::countr_zero(free));
    }

    /// The 128 clocks around one, in all rows.
    class Around {
    public:
        /// Bit 63 of `before` is the clock just before the one, bit 0 of `from` itself.
        struct Bits {
            std::uint64_t before, from;
        };
        [[nodiscard, gnu::always_inline]] Bits bits(std::size_t row) const {
            const std::uint64_t here = m_here[row * word_count];
            return {m_before[row * word_count] >> m_bit | here << 1 << m_left,
                    here >> m_bit | m_after[row * word_count] << 1 << m_left};
        }
        [[gnu::always_inline]] void block(std::size_t row, Bits bits) {
            m_before[row * word_count] |= bits.before << m_bit;
            m_here[row * word_count] |= bits.before >> 1 >> m_left | bits.from << m_bit;
            m_after[row * word_count] |= bits.from >> 1 >> m_left;
        }
        /// Blocks the clock itself.
        [[gnu::always_inline]] void block(std::size_t row) { m_here[row * word_count] |= 1ULL << m_bit; }

    private:
        friend class ClockCalendar;
        std::uint64_t *m_before, *m_here, *m_after; // words of the first row
        std::uint64_t m_bit, m_left;
    };
    /// Whether around() may be asked.
    [[nodiscard]] bool holds_around(std::uint64_t at) const { return holds(at / word_clocks - 1); }
    /// Contract: holds_around(at), and the ring reaches to 64 clocks behind.
    [[nodiscard, gnu::always_inline]] Around around(std::uint64_t at) {
        const std::uint64_t word = at / word_clocks;
        Around around;
        around.m_before = m_bits.data() + (word - 1) % word_count;
        around.m_here = m_bits.data() + word % word_count;
        around.m_after = m_bits.data() + (word + 1) % word_count;
        around.m_bit = at % word_clocks;
        around.m_left = ~at % word_clocks;
        return around;
    }

private:
    static constexpr std::uint64_t word_clocks = 64;
    static constexpr std::uint64_t word_count = 256; // a power of two
    static constexpr std::uint64_t words_a_turn = 8; // a line of the host's cache
    static_assert(2 * longest_span < word_clocks * word_count && word_count % words_a_turn == 0);

    [[nodiscard]] std::uint64_t* ring(std::size_t row) { return m_bits.data() + row * word_count; }
    [[nodiscard]] const std::uint64_t* ring(std::size_t row) const {
        return m_bits.data() + row * word_count;
    }
    [[nodiscard]] std::uint64_t oldest() const { return m_top + 1 - word_count; }
    [[nodiscard]] bool holds(std::uint64_t word) const { return m_top - word < word_count; }
    [[nodiscard]] bool lags(std::size_t row) const {
        return 2 * std::popcount(ring(row)[oldest() % word_count]) > static_cast<int>(word_clocks);
    }
    /// Leaves out what the ring does not hold.
    [[gnu::noinline]] void block_held(std::size_t row, std::uint64_t from, std::uint64_t mask) {
        const std::uint64_t word = from / word_clocks, next = (from + word_clocks) / word_clocks;
        if (holds(word)) ring(row)[word % word_count] |= mask << (from % word_clocks);
        if (holds(next)) ring(row)[next % word_count] |= mask >> 1 >> (~from % word_clocks);
    }
    [[gnu::noinline]] void turn_to(std::uint64_t word) {
        word |= words_a_turn - 1;
        std::uint64_t fresh = std::max(m_top + 1, word + 1 - std::min(word + 1, word_count));
        for (; fresh < word; fresh += words_a_turn)
            for (auto at = m_bits.begin() + static_cast<std::ptrdiff_t>(fresh % word_count);
                 at < m_bits.end(); at += word_count)
                std::fill_n(at, words_a_turn, 0);
        m_top = word;
    }

    std::uint64_t m_top = words_a_turn - 1; ///< the latest word that the ring holds
    std::vector<std::uint64_t> m_bits;
};

} // namespace pagewalk::models
