#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// When a resource was and will be used, for uses that begin at least a known spacing apart. Time is cut into
/// slots no longer than the spacing, so that a slot holds one begin at most: a ring of slots keeps each with
/// its exact time, and bitmaps beside it tell in one look which slots of a span are taken. Uses are of
/// `Kinds` kinds, a bitmap each. Putting a use in and looking around a moment take constant time, in whatever
/// order the times come.
///
/// For each kind, spans can be marked full: no use of that kind may begin in them any more. What is reserved
/// stays reserved, so a slot stays full, and searches pass by 64 of them at a time. What is older than the
/// ring reaches counts as free, unless the oldest slots that it holds are mostly full: then the resource has
/// lagged behind its users since.
template <std::size_t Kinds>
class SlotCalendar {
public:
    /// Slots that taken() tells of at once.
    static constexpr std::uint64_t word_slots = 64;
    /// How far around a moment a user may look without getting lost in the ring, in spacings.
    static constexpr std::uint64_t longest_look = 510;

    struct Use {
        std::int64_t time; ///< ticks; signed, so that what lies far back can be told
        std::uint8_t tag;
    };

    /// `spacing`: ticks, at least 1; uses never begin closer together.
    explicit SlotCalendar(std::uint64_t spacing)
        : m_slot_bits(static_cast<unsigned>(std::bit_width(spacing)) - 1) {}

    /// Contract: no other use begins closer than the spacing.
    void insert(std::size_t kind, std::uint64_t time, std::uint8_t tag) {
        const std::uint64_t slot = time >> m_slot_bits;
        const std::uint64_t word = slot / word_slots;
        if (word > m_top) [[unlikely]]
            turn_to(word);
        else if (m_top - word >= word_count) [[unlikely]]
            return;
        m_words[word % word_count].taken[kind] |= 1ULL << (slot % word_slots);
        m_uses[slot % slot_count] = time << tag_bits | tag;
    }

    [[nodiscard]] std::uint64_t slot_of(std::uint64_t time) const { return time >> m_slot_bits; }
    /// The latest slot that may hold a use.
    [[nodiscard]] std::uint64_t last_slot() const { return (m_top + 1) * word_slots - 1; }
    /// Bit i: slot `first` + i holds a use of the kind.
    [[nodiscard]] std::uint64_t taken(std::size_t kind, std::uint64_t first) const {
        const std::uint64_t word = first / word_slots, shift = first % word_slots;
        return taken_word(kind, word) >> shift | taken_word(kind, word + 1) << 1 << (word_slots - 1 - shift);
    }
    /// Contract: the slot holds a use.
    [[nodiscard]] Use use(std::uint64_t slot) const {
        const std::uint64_t packed = m_uses[slot % slot_count];
        return {static_cast<std::int64_t>(packed >> tag_bits), static_cast<std::uint8_t>(packed)};
    }

    /// Marks [from, until) as full for a kind.
    void mark_full(std::size_t kind, std::uint64_t from, std::uint64_t until) {
        if (from == until) return;
        Span& latest = m_full[kind];
        if (from <= latest.until && until >= latest.from)
            latest = {std::min(from, latest.from), std::max(until, latest.until)};
        else if (until > latest.until)
            latest = {from, until};
        const std::uint64_t end = std::min(until >> m_slot_bits, (m_top + 1) * word_slots);
        for (std::uint64_t slot = (from + (1ULL << m_slot_bits) - 1) >> m_slot_bits; slot < end;) {
            const std::uint64_t word = slot / word_slots, bit = slot % word_slots;
            const std::uint64_t n = std::min(end - slot, word_slots - bit);
            if (m_top - word < word_count)
                m_words[word % word_count].full[kind] |= (~0ULL >> (word_slots - n)) << bit;
            slot += n;
        }
    }
    /// The same where [from, until) lengthens the latest span that is full, and nothing where not. Cheap.
    void lengthen_full(std::size_t kind, std::uint64_t from, std::uint64_t until) {
        if (m_full[kind].until >= from && m_full[kind].until < until) m_full[kind].until = until;
    }
    /// The first moment not before `time` that is not known to be full.
    [[nodiscard]] std::uint64_t skip_full(std::size_t kind, std::uint64_t time) const {
        if (time >= m_full[kind].from && time < m_full[kind].until) return m_full[kind].until;
        const std::uint64_t first = time >> m_slot_bits;
        std::uint64_t word = first / word_slots, bit = first % word_slots;
        if (word + word_count <= m_top + 1) [[unlikely]] {
            const std::uint64_t oldest = m_top + 1 - word_count;
            if (2 * std::popcount(m_words[oldest % word_count].full[kind]) < static_cast<int>(word_slots))
                return time;
            word = oldest + 1;
            bit = 0;
        }
        for (;; ++word, bit = 0) {
            const std::uint64_t full =
                m_top - word < word_count ? m_words[word % word_count].full[kind] >> bit : 0;
            const auto run = static_cast<std::uint64_t>(std::countr_one(full));
            if (bit + run == word_slots) continue;
            const std::uint64_t slot = word * word_slots + bit + run;
            const std::uint64_t open = slot == first ? time : slot << m_slot_bits;
            // Slots are marked as a whole; the latest span ends within one.
            return open >= m_full[kind].from && open < m_full[kind].until ? m_full[kind].until : open;
        }
    }

private:
    static constexpr std::uint64_t slot_count = 1024; // 2 us of DDR4-3200 bursts; a power of two
    static constexpr std::uint64_t word_count = slot_count / word_slots;
    static constexpr unsigned tag_bits = 8; // 56 bits of picoseconds are 20 hours
    static_assert(2 * longest_look < slot_count - 2, "a slot is longer than half a spacing");

    struct Word {
        std::array<std::uint64_t, Kinds> taken{}, full{};
    };

    struct Span {
        std::uint64_t from = 0, until = 0;
    };

    void turn_to(std::uint64_t word) {
        for (std::uint64_t fresh = std::max(m_top + 1, word - std::min(word, word_count - 1)); fresh <= word;
             ++fresh)
            m_words[fresh % word_count] = {};
        m_top = word;
    }
    [[nodiscard]] std::uint64_t taken_word(std::size_t kind, std::uint64_t word) const {
        return m_top - word < word_count ? m_words[word % word_count].taken[kind] : 0;
    }

    unsigned m_slot_bits;
    std::uint64_t m_top = 0;          ///< the latest word that holds a use; the ring reaches back from it
    std::array<Span, Kinds> m_full{}; ///< the latest that is known
    std::array<Word, word_count> m_words{};
    std::array<std::uint64_t, slot_count> m_uses{};
};

} // namespace pagewalk::models
