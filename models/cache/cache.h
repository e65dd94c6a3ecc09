#pragma once

#include "base/address.h"
#include "base/rng.h"
#include "base/time.h"
#include "contract/memory_access.h"
#include "models/cache/cache_config.h"
#include "models/cache/replacement/lru.h"
#include "models/cache/replacement/way_bytes.h"

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pagewalk::models {

/// A physical address / 64.
using LineNumber = std::uint64_t;
[[nodiscard]] inline LineNumber line_number_of(PhysAddr address) { return address.value() >> line_shift; }
[[nodiscard]] inline PhysAddr address_of_line(LineNumber line) { return PhysAddr(line << line_shift); }

/// One line of a cache: its number, its state, and when its data is (or will be) there.
class CacheLine {
public:
    static constexpr unsigned number_bits = 46; ///< of 52 physical address bits
    static constexpr std::uint64_t number_mask = (1ULL << number_bits) - 1;

    [[nodiscard]] bool valid() const { return (m_word & number_mask) != number_mask; }
    [[nodiscard]] bool holds(LineNumber line) const { return (m_word ^ line) << (64 - number_bits) == 0; }
    [[nodiscard]] LineNumber number() const { return m_word & number_mask; }
    [[nodiscard]] bool dirty() const { return (m_word & dirty_bit) != 0; }
    [[nodiscard]] bool exclusive() const { return (m_word & exclusive_bit) != 0; }
    /// Brought by a prefetcher and not used since.
    [[nodiscard]] bool prefetched() const { return (m_word & prefetched_bit) != 0; }
    /// Where the line came from, for those who meet it in flight.
    [[nodiscard]] HitLevel source() const { return static_cast<HitLevel>(m_word >> source_shift & 7); }
    /// When the data is there, in the cache's unit of time.
    [[nodiscard]] std::uint64_t ready() const { return m_ready; }

    void set_dirty() { m_word |= dirty_bit; }
    void set_exclusive() { m_word |= exclusive_bit; }
    void set_shared() { m_word &= ~(exclusive_bit | dirty_bit); }
    void set_prefetched() { m_word |= prefetched_bit; }
    void clear_prefetched() { m_word &= ~prefetched_bit; }
    void set_ready(std::uint64_t time) { m_ready = time; }
    void fill(LineNumber line, std::uint64_t ready, HitLevel source) {
        m_word = line | static_cast<std::uint64_t>(source) << source_shift;
        m_ready = ready;
    }
    void drop() { m_word = number_mask; }

private:
    static constexpr std::uint64_t dirty_bit = 1ULL << 63;
    static constexpr std::uint64_t exclusive_bit = 1ULL << 62;
    static constexpr std::uint64_t prefetched_bit = 1ULL << 61;
    static constexpr unsigned source_shift = 56;

    std::uint64_t m_word = number_mask;
    std::uint64_t m_ready = 0;
};

/// Set-associative tag array with its replacement state. A set is one record of whole host cache lines: a
/// byte of each tag, the replacement state, the lines themselves. The ways are searched by the bytes, all at
/// a time, so that a look-up costs the same for any associativity. Knows nothing of time or of other caches.
class Cache {
public:
    /// Whether a look-up tries the set's most recent way before all of them: pays where hits are the rule.
    enum class RecentFirst : bool { No, Yes };

    Cache(const CacheConfig& config, std::uint64_t seed, std::string_view name,
          RecentFirst recent_first = RecentFirst::No);
    Cache(Cache&&) = default;
    Cache& operator=(Cache&&) = default;

    /// Has the host fetch the set of a line that is about to be looked up.
    void prefetch(LineNumber line) const { __builtin_prefetch(record_of(line & m_set_mask), 1); }

    /// The line, made most recent; null when it is not here.
    [[nodiscard]] CacheLine* access(LineNumber line) {
        std::uint8_t* const record = record_of(line & m_set_mask);
        return m_wide ? access_in<Ways32>(record, line) : access_in<Ways16>(record, line);
    }
    /// As access(), for a cache that was made RecentFirst.
    [[nodiscard]] CacheLine* access_recent_first(LineNumber line) {
        const std::size_t set = line & m_set_mask;
        std::uint8_t* const record = record_of(set);
        CacheLine* const lines = m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record);
        CacheLine& recent = lines[m_recent[set]];
        if (recent.holds(line)) [[likely]] {
            // It is the last that was touched: its rank is 0 already.
            if (m_replacement != Replacement::Lru) [[unlikely]]
                touch_other(state_of(record), m_recent[set]);
            return &recent;
        }
        CacheLine* const found = access(line);
        if (found != nullptr) m_recent[set] = static_cast<std::uint8_t>(found - lines);
        return found;
    }

    /// Makes a line that probe() or access() found the most recent. Contract: made RecentFirst.
    void touch(const CacheLine& line) {
        const std::size_t set = line.number() & m_set_mask;
        std::uint8_t* const record = record_of(set);
        const CacheLine* const lines = m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record);
        const auto way = static_cast<unsigned>(&line - lines);
        m_recent[set] = static_cast<std::uint8_t>(way);
        if (m_replacement != Replacement::Lru) [[unlikely]]
            return touch_other(state_of(record), way);
        if (m_wide)
            Lru::touch<Ways32>(state_of(record), way);
        else
            Lru::touch<Ways16>(state_of(record), way);
    }

    /// The line, its recency left alone.
    [[nodiscard]] CacheLine* probe(LineNumber line) {
        std::uint8_t* const record = record_of(line & m_set_mask);
        const unsigned way = m_wide ? find<Ways32>(record, line) : find<Ways16>(record, line);
        if (way == none) return nullptr;
        return (m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record)) + way;
    }

    /// Makes room for a line that is not here. `victim` is what was there (perhaps not valid). The caller
    /// fills the line.
    CacheLine& allocate(LineNumber line, CacheLine& victim) {
        const std::size_t set = line & m_set_mask;
        std::uint8_t* const record = record_of(set);
        return m_wide ? allocate_in<Ways32>(record, set, line, victim)
                      : allocate_in<Ways16>(record, set, line, victim);
    }

    /// As allocate(), from the first `ways` ways alone. Contract: 1 <= ways.
    CacheLine& allocate_within(LineNumber line, CacheLine& victim, unsigned ways);

    /// Drops a line that probe() or access() found; its way is the next to be refilled.
    void drop(CacheLine& line);

    [[nodiscard]] std::uint64_t lines() const { return (m_set_mask + 1) * m_ways; }

private:
    using Lru = replacement::Lru;
    using Ways16 = replacement::Ways16;
    using Ways32 = replacement::Ways32;
    struct alignas(64) HostLine {
        std::uint8_t bytes[64];
    };

    static constexpr unsigned none = 32;

    /// A set's record: fingerprints, then replacement state, a vector of each, then lines.
    [[nodiscard]] std::uint8_t* record_of(std::size_t set) const { return m_base + set * m_record_bytes; }
    [[nodiscard]] std::uint8_t* state_of(std::uint8_t* record) const {
        return record + (m_wide ? sizeof(Ways32) : sizeof(Ways16));
    }
    template <class Ways>
    [[nodiscard]] static CacheLine* lines_of(std::uint8_t* record) {
        return reinterpret_cast<CacheLine*>(record + 2 * sizeof(Ways));
    }
    [[nodiscard]] std::uint8_t fingerprint(LineNumber line) const {
        const std::uint64_t tag = line >> m_set_bits;
        return static_cast<std::uint8_t>(tag ^ tag >> 8);
    }

    /// The line's way; none when it is not here.
    template <class Ways>
    [[nodiscard]] unsigned find(std::uint8_t* record, LineNumber line) const {
        std::uint32_t candidates = replacement::ways_equal<Ways>(record, fingerprint(line)) & m_way_mask;
        for (; candidates != 0; candidates &= candidates - 1) {
            const auto way = static_cast<unsigned>(std::countr_zero(candidates));
            if (lines_of<Ways>(record)[way].holds(line)) [[likely]]
                return way;
        }
        return none;
    }
    template <class Ways>
    [[nodiscard]] CacheLine* access_in(std::uint8_t* record, LineNumber line) {
        const unsigned way = find<Ways>(record, line);
        if (way == none) return nullptr;
        if (m_replacement == Replacement::Lru) [[likely]]
            Lru::touch<Ways>(record + sizeof(Ways), way);
        else
            touch_other(record + sizeof(Ways), way);
        return &lines_of<Ways>(record)[way];
    }
    template <class Ways>
    CacheLine& allocate_in(std::uint8_t* record, std::size_t set, LineNumber line, CacheLine& victim) {
        // With LRU an empty way is always the least recent one.
        const unsigned way = m_replacement == Replacement::Lru
                                 ? Lru::replace<Ways>(record + sizeof(Ways), m_oldest)
                                 : replace_other(record + sizeof(Ways), lines_of<Ways>(record));
        CacheLine& chosen = lines_of<Ways>(record)[way];
        victim = chosen;
        if (m_recent != nullptr) m_recent[set] = static_cast<std::uint8_t>(way);
        record[way] = fingerprint(line);
        return chosen;
    }
    void touch_other(std::uint8_t* state, unsigned way);
    [[nodiscard]] unsigned replace_other(std::uint8_t* state, const CacheLine* lines);

    std::uint8_t* m_base = nullptr; // of m_storage
    std::uint64_t m_set_mask;
    std::size_t m_record_bytes;
    std::uint32_t m_way_mask;
    unsigned m_set_bits;
    bool m_wide; // more than 16 ways
    Replacement m_replacement;
    std::uint8_t m_oldest; // rank of the least recent way
    unsigned m_ways;
    std::uint8_t* m_recent = nullptr; // way by set, of m_recent_storage; null unless RecentFirst
    std::vector<HostLine> m_storage;
    std::vector<std::uint8_t> m_recent_storage;
    Rng m_rng;
};

} // namespace pagewalk::models
