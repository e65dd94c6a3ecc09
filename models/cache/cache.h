#pragma once

#include "base/address.h"
#include "base/rng.h"
#include "base/time.h"
#include "contract/memory_access.h"
#include "models/cache/cache_config.h"
#include "models/cache/replacement/lru.h"
#include "models/cache/replacement/srrip.h"
#include "models/cache/replacement/tree_plru.h"

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
    static constexpr std::uint64_t number_mask = (1ULL << 46) - 1; ///< 52 physical address bits

    [[nodiscard]] bool valid() const { return (m_word & number_mask) != number_mask; }
    [[nodiscard]] bool holds(LineNumber line) const { return (m_word & number_mask) == line; }
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

/// Set-associative tag array with its replacement state. A set's ways are searched by a byte of each tag,
/// sixteen at a time, so that a look-up costs the same for any associativity. Knows nothing of time or of
/// other caches.
class Cache {
public:
    /// Whether a look-up tries the set's most recent way before all of them: pays where hits are the rule.
    enum class RecentFirst : bool { No, Yes };

    Cache(const CacheConfig& config, std::uint64_t seed, std::string_view name,
          RecentFirst recent_first = RecentFirst::No);

    /// The line, made most recent; null when it is not here.
    [[nodiscard]] CacheLine* access(LineNumber line) {
        const std::size_t set = line & m_set_mask;
        replacement::WayBytes* const state = &m_state[set * m_state_stride];
        CacheLine* const lines = &m_lines[set * m_ways];
        std::uint32_t candidates = replacement::ways_equal(state, m_blocks, fingerprint(line)) & m_way_mask;
        while (candidates != 0) {
            const unsigned way = static_cast<unsigned>(std::countr_zero(candidates));
            if (lines[way].holds(line)) [[likely]] {
                touch(state + m_blocks, way);
                return &lines[way];
            }
            candidates &= candidates - 1;
        }
        return nullptr;
    }
    /// As access(), for a cache that was made RecentFirst.
    [[nodiscard]] CacheLine* access_recent_first(LineNumber line) {
        const std::size_t set = line & m_set_mask;
        CacheLine& recent = m_lines[set * m_ways + m_recent[set]];
        if (recent.holds(line)) [[likely]] {
            // It is the last that was touched: its rank is 0 already.
            if (m_replacement != Replacement::Lru) [[unlikely]]
                touch_other(&m_state[set * m_state_stride + m_blocks], m_recent[set]);
            return &recent;
        }
        CacheLine* const found = access(line);
        if (found != nullptr) m_recent[set] = static_cast<std::uint8_t>(found - &m_lines[set * m_ways]);
        return found;
    }

    /// The line, its recency left alone.
    [[nodiscard]] CacheLine* probe(LineNumber line) {
        const std::size_t set = line & m_set_mask;
        CacheLine* const lines = &m_lines[set * m_ways];
        std::uint32_t candidates =
            replacement::ways_equal(&m_state[set * m_state_stride], m_blocks, fingerprint(line)) & m_way_mask;
        for (; candidates != 0; candidates &= candidates - 1)
            if (CacheLine& candidate = lines[std::countr_zero(candidates)]; candidate.holds(line))
                return &candidate;
        return nullptr;
    }

    /// Makes room for a line that is not here. `victim` is what was there (perhaps not valid). The caller
    /// fills the line.
    CacheLine& allocate(LineNumber line, CacheLine& victim);

    /// Drops a line that probe() or access() found; its way is the next to be refilled.
    void drop(CacheLine& line);

    [[nodiscard]] std::uint64_t lines() const { return m_lines.size(); }

private:
    [[nodiscard]] std::uint8_t fingerprint(LineNumber line) const {
        const std::uint64_t tag = line >> m_set_bits;
        return static_cast<std::uint8_t>(tag ^ tag >> 8);
    }
    void touch(replacement::WayBytes* ranks, unsigned way) {
        if (m_replacement == Replacement::Lru) [[likely]]
            replacement::Lru::touch(ranks, m_blocks, way);
        else
            touch_other(ranks, way);
    }
    void touch_other(replacement::WayBytes* ranks, unsigned way);
    [[nodiscard]] unsigned replace_other(replacement::WayBytes* ranks, const CacheLine* lines);

    std::uint64_t m_set_mask;
    unsigned m_set_bits;
    unsigned m_ways;
    std::uint32_t m_way_mask; // the state has bytes for 16 or 32
    unsigned m_blocks;        // of 16 ways
    unsigned m_state_stride;  // fingerprints, then replacement state
    Replacement m_replacement;
    std::vector<replacement::WayBytes> m_state;
    std::vector<CacheLine> m_lines;
    std::vector<std::uint8_t> m_recent; // way by set; empty unless RecentFirst
    Rng m_rng;
};

} // namespace pagewalk::models
