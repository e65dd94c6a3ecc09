#pragma once

#include "base/time.h"
#include "contract/instruction_stream.h"

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// Physical registers: how many results may be under way between rename and commit. A result takes an entry
/// when its micro-op is renamed; commit frees the entry that held the register's value before. A register
/// that has been written once keeps an entry for ever, so that each first write takes one for good.
///
/// Integer results and flags are in one file, vector results in the other; a result and the flags that come
/// with it share an entry. Without a vector file all are in the integer file, flags in an entry of their own.
///
/// Time only moves on: entries that are free at one micro-op are free at those behind it. How many are is
/// counted now and then, and counted down between.
class RegisterFiles {
public:
    /// Zero entries: as many as there can be results.
    RegisterFiles(std::uint32_t integer_entries, std::uint32_t vector_entries);

    /// Takes entries for a micro-op's results, in order, where they are known to be free. False where they
    /// are not: reserve_from() is to be called.
    [[nodiscard]] bool reserve(const MicroOp& uop) {
        const std::uint32_t need = need_of(uop), left = m_free - need;
        if ((left & beyond) != 0) [[unlikely]]
            return false;
        m_need = need;
        m_free = left;
        return true;
    }
    /// From which cycle on they are free; some cycle up to `now` where that is not after it. Contract: `now`
    /// never runs backwards.
    [[nodiscard]] Cycles reserve_from(const MicroOp& uop, Cycles now);
    /// The micro-op that has reserved last is committed, and frees as many.
    void commit(Cycles committed) {
        if (m_need < one_vector) [[likely]]
            return m_integer.take(m_need, committed);
        commit_both(committed);
    }

private:
    // Counts of both files in one number: integer in bits 0-6, vector in bits 8-14. Bit 7, or 15, is borrowed
    // when there are too few.
    static constexpr std::uint32_t one_integer = 1, one_vector = 1 << 8;
    static constexpr std::uint32_t first_write = 1 << 15; ///< beside a register's entry: never written yet
    static constexpr std::uint32_t beyond = 0x80008080;
    static constexpr std::uint32_t most_counted = 0x7f;

    /// The commits of the last results: one of `m_limit` results before frees the next one's entry.
    class File {
    public:
        explicit File(std::uint32_t entries)
            : m_limit(entries), m_mask(std::bit_ceil(entries + 2) - 1), m_commits(m_mask + 1) {}

        /// From which cycle on the next `count` results have entries.
        [[nodiscard]] Cycles available(std::uint32_t count) const {
            return m_commits[(m_results - m_limit + count - 1) & m_mask];
        }
        /// How many of the next results have entries at `now`: not all are counted.
        [[nodiscard]] std::uint32_t count_free(Cycles now) const {
            std::uint32_t count = 0;
            for (std::uint32_t step = (most_counted + 1) / 2; step != 0; step /= 2)
                if (count + step <= m_limit && available(count + step) <= now) count += step;
            return count;
        }
        void take(std::uint32_t count, Cycles committed) {
            m_commits[m_results & m_mask] = committed;
            m_commits[(m_results + 1) & m_mask] = committed;
            m_results += count;
        }
        /// An entry is taken for good.
        void keep_one() {
            if (m_limit > least_entries) --m_limit;
        }

    private:
        static constexpr std::uint32_t least_entries = 4;

        std::uint64_t m_results = 0;
        std::uint32_t m_limit;
        std::uint32_t m_mask;
        std::vector<Cycles> m_commits;
    };

    [[nodiscard]] std::uint32_t need_of(const MicroOp& uop) const {
        return std::uint32_t{m_first[uop.destinations[0]]} + m_second[uop.destinations[1]];
    }
    void note_first_writes(const MicroOp& uop);
    void commit_both(Cycles committed);

    File m_integer, m_vector;
    std::uint32_t m_free = 0; ///< entries that are known to be free
    std::uint32_t m_need = 0; ///< what was reserved last
    /// What a register takes as a micro-op's first and as its second destination.
    std::array<std::uint16_t, 256> m_first{}, m_second{};
};

} // namespace pagewalk::models
