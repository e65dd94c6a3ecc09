#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "models/cache/cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// A set of CPUs.
class SharerSet {
public:
    static constexpr std::size_t max_sharers = 256;

    void add(CpuId cpu) { word(cpu) |= bit(cpu); }
    void remove(CpuId cpu) { word(cpu) &= ~bit(cpu); }
    void clear() { m_words = {}; }
    [[nodiscard]] bool contains(CpuId cpu) const { return (m_words[index_of(cpu) / 64] & bit(cpu)) != 0; }
    [[nodiscard]] bool empty() const { return (m_words[0] | m_words[1] | m_words[2] | m_words[3]) == 0; }
    /// Calls `visit(CpuId)` in ascending order.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (std::size_t w = 0; w < m_words.size(); ++w)
            for (std::uint64_t left = m_words[w]; left != 0; left &= left - 1)
                visit(static_cast<CpuId>(w * 64 + static_cast<std::size_t>(std::countr_zero(left))));
    }

private:
    [[nodiscard]] static std::uint64_t bit(CpuId cpu) { return 1ULL << index_of(cpu) % 64; }
    [[nodiscard]] std::uint64_t& word(CpuId cpu) { return m_words[index_of(cpu) / 64]; }

    std::array<std::uint64_t, max_sharers / 64> m_words{};
};

/// What the directory knows of a line that some private hierarchy holds.
struct DirectoryEntry {
    enum class State : std::uint8_t {
        Shared,    ///< clean, in one or more hierarchies
        Exclusive, ///< in one, which may have modified it
    };
    LineNumber line = 0;
    SharerSet sharers;
    State state = State::Shared;
    bool used = false;
};

/// Which private hierarchies hold which lines, exactly. Open addressing with linear probing; entries of lines
/// that nobody holds are removed, so that its size is bounded by that of the private caches. References are
/// good until the next insert or erase.
class Directory {
public:
    /// Sized so as not to grow while no more than `lines` lines are held.
    explicit Directory(std::uint64_t lines)
        : m_entries(std::bit_ceil(std::max<std::uint64_t>(lines * 2, 64))) {}

    [[nodiscard]] DirectoryEntry* find(LineNumber line) {
        for (std::size_t i = home(line); m_entries[i].used; i = next(i))
            if (m_entries[i].line == line) return &m_entries[i];
        return nullptr;
    }
    /// The line's entry, made (shared by nobody) when there is none.
    [[nodiscard]] DirectoryEntry& find_or_insert(LineNumber line) {
        std::size_t i = home(line);
        for (; m_entries[i].used; i = next(i))
            if (m_entries[i].line == line) return m_entries[i];
        if ((m_count + 1) * 4 > m_entries.size() * 3) {
            grow();
            for (i = home(line); m_entries[i].used; i = next(i)) {
            }
        }
        ++m_count;
        m_entries[i] = {.line = line, .sharers = {}, .state = DirectoryEntry::State::Shared, .used = true};
        return m_entries[i];
    }
    void erase(DirectoryEntry& entry) {
        // Entries behind the hole move up unless they are at or after their home.
        std::size_t hole = static_cast<std::size_t>(&entry - m_entries.data());
        for (std::size_t i = next(hole); m_entries[i].used; i = next(i)) {
            const std::size_t mask = m_entries.size() - 1;
            if (((i - home(m_entries[i].line)) & mask) < ((i - hole) & mask)) continue;
            m_entries[hole] = m_entries[i];
            hole = i;
        }
        m_entries[hole].used = false;
        --m_count;
    }
    /// Lines held by anybody.
    [[nodiscard]] std::size_t size() const { return m_count; }

private:
    [[nodiscard]] std::size_t home(LineNumber line) const {
        return static_cast<std::size_t>((line * 0x9e3779b97f4a7c15ULL) >> 32) & (m_entries.size() - 1);
    }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & (m_entries.size() - 1); }
    void grow() {
        std::vector<DirectoryEntry> old(m_entries.size() * 2);
        old.swap(m_entries);
        for (const DirectoryEntry& entry : old) {
            if (!entry.used) continue;
            std::size_t i = home(entry.line);
            while (m_entries[i].used) i = next(i);
            m_entries[i] = entry;
        }
    }

    std::vector<DirectoryEntry> m_entries;
    std::size_t m_count = 0;
};

} // namespace pagewalk::models
