#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "models/cache/cache.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// What a directory knows of a line that some private hierarchy holds: a view of its entry, good until the
/// next insert or erase.
class DirectoryEntry {
public:
    enum class State : std::uint8_t {
        Shared,    ///< clean, in one or more hierarchies
        Exclusive, ///< in one, which may have modified it
    };

    DirectoryEntry() = default;

    /// Whether there is an entry at all.
    explicit operator bool() const { return m_head != nullptr; }
    [[nodiscard]] LineNumber line() const { return *m_head & CacheLine::number_mask; }
    [[nodiscard]] State state() const {
        return (*m_head & exclusive_bit) != 0 ? State::Exclusive : State::Shared;
    }
    void set_state(State state) {
        *m_head = state == State::Exclusive ? *m_head | exclusive_bit : *m_head & ~exclusive_bit;
    }

    void add(CpuId cpu) { m_head[word_of(cpu)] |= bit_of(cpu); }
    void remove(CpuId cpu) { m_head[word_of(cpu)] &= ~bit_of(cpu); }
    void set_only(CpuId cpu) {
        std::fill_n(m_head + 1, m_words, 0);
        add(cpu);
    }
    [[nodiscard]] bool contains(CpuId cpu) const { return (m_head[word_of(cpu)] & bit_of(cpu)) != 0; }
    /// Nobody holds the line.
    [[nodiscard]] bool empty() const {
        std::uint64_t any = m_head[1];
        for (std::size_t word = 2; word <= m_words; ++word) any |= m_head[word];
        return any == 0;
    }
    /// Calls `visit(CpuId)` for the holders in ascending order.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (std::size_t word = 0; word < m_words; ++word)
            for (std::uint64_t left = m_head[1 + word]; left != 0; left &= left - 1)
                visit(static_cast<CpuId>(word * 64 + static_cast<std::size_t>(std::countr_zero(left))));
    }

private:
    friend class Directory;
    static constexpr std::uint64_t used_bit = 1ULL << 63;
    static constexpr std::uint64_t exclusive_bit = 1ULL << 62;

    DirectoryEntry(std::uint64_t* head, std::size_t words) : m_head(head), m_words(words) {}
    [[nodiscard]] static std::size_t word_of(CpuId cpu) { return 1 + index_of(cpu) / 64; }
    [[nodiscard]] static std::uint64_t bit_of(CpuId cpu) { return 1ULL << index_of(cpu) % 64; }

    std::uint64_t* m_head = nullptr; // line and state, then the holders
    std::size_t m_words = 1;         // of holders
};

/// Which private hierarchies hold which lines, exactly. Open addressing with linear probing; entries of lines
/// that nobody holds are removed, so that its size is bounded by that of the private caches. An entry is a
/// word of line and state and a bit a CPU: 16 bytes for up to 64 CPUs.
class Directory {
public:
    static constexpr std::size_t max_cpus = 256;

    /// Sized so as not to grow while no more than `lines` lines are held.
    Directory(std::uint64_t lines, std::size_t cpus)
        : m_words((cpus + 63) / 64), m_shift(static_cast<unsigned>(std::bit_width(m_words))),
          m_mask(std::bit_ceil(std::max<std::uint64_t>(lines * 2, 64)) - 1),
          m_table((m_mask + 1) << m_shift) {
        PAGEWALK_INVARIANT(cpus >= 1 && cpus <= max_cpus);
    }

    /// Has the host fetch the entry of a line that is about to be looked up.
    void prefetch(LineNumber line) const { __builtin_prefetch(&m_table[home(line) << m_shift], 1); }

    [[nodiscard]] DirectoryEntry find(LineNumber line) {
        for (std::size_t i = home(line); used(i); i = next(i))
            if (line_at(i) == line) return entry(i);
        return {};
    }
    /// The line's entry, made (shared by nobody) when there is none.
    [[nodiscard]] DirectoryEntry find_or_insert(LineNumber line) {
        std::size_t i = home(line);
        for (; used(i); i = next(i))
            if (line_at(i) == line) return entry(i);
        if ((m_count + 1) * 4 > (m_mask + 1) * 3) {
            grow();
            for (i = home(line); used(i); i = next(i)) {
            }
        }
        ++m_count;
        head(i) = line | DirectoryEntry::used_bit;
        std::fill_n(&head(i) + 1, m_words, 0);
        return entry(i);
    }
    void erase(DirectoryEntry gone) {
        // Entries behind the hole move up unless they are at or after their home.
        std::size_t hole = static_cast<std::size_t>(gone.m_head - m_table.data()) >> m_shift;
        for (std::size_t i = next(hole); used(i); i = next(i)) {
            if (((i - home(line_at(i))) & m_mask) < ((i - hole) & m_mask)) continue;
            std::copy_n(&head(i), 1 + m_words, &head(hole));
            hole = i;
        }
        head(hole) = 0;
        --m_count;
    }
    /// Lines held by anybody.
    [[nodiscard]] std::size_t size() const { return m_count; }

private:
    [[nodiscard]] std::uint64_t& head(std::size_t i) { return m_table[i << m_shift]; }
    [[nodiscard]] bool used(std::size_t i) { return head(i) != 0; }
    [[nodiscard]] LineNumber line_at(std::size_t i) { return head(i) & CacheLine::number_mask; }
    [[nodiscard]] DirectoryEntry entry(std::size_t i) { return {&head(i), m_words}; }
    [[nodiscard]] std::size_t home(LineNumber line) const {
        return static_cast<std::size_t>((line * 0x9e3779b97f4a7c15ULL) >> 32) & m_mask;
    }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & m_mask; }
    void grow() {
        std::vector<std::uint64_t> old(m_table.size() * 2);
        old.swap(m_table);
        m_mask = m_mask * 2 + 1;
        for (std::size_t from = 0; from < old.size(); from += std::size_t{1} << m_shift) {
            if (old[from] == 0) continue;
            std::size_t i = home(old[from] & CacheLine::number_mask);
            while (used(i)) i = next(i);
            std::copy_n(&old[from], 1 + m_words, &head(i));
        }
    }

    std::size_t m_words; // of holders an entry
    unsigned m_shift;    // log2 of an entry's words: room for line and holders
    std::size_t m_mask;
    std::vector<std::uint64_t> m_table; // by slot: line, state and used, then holders; 0 = empty
    std::size_t m_count = 0;
};

} // namespace pagewalk::models
