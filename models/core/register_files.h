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
class RegisterFiles {
public:
    /// Entries that a micro-op's results take.
    struct Need {
        std::uint32_t packed = 0; ///< integer in bits 0-1, vector in bits 2-3
    };

    /// Zero entries: as many as there can be results.
    RegisterFiles(std::uint32_t integer_entries, std::uint32_t vector_entries);

    /// What the micro-op's results take. Contract: once for each micro-op, in order.
    [[nodiscard]] Need rename(const MicroOp& uop) {
        const auto packed =
            static_cast<std::uint32_t>(m_first[uop.destinations[0]] + m_second[uop.destinations[1]]);
        return packed < first_write ? Need{packed} : rename_written_first(uop);
    }
    /// From which cycle on the entries are free.
    [[nodiscard]] Cycles available(Need need) const {
        // What needs none asks for what the last one that needed one has waited for.
        if (need.packed <= max_integer) [[likely]]
            return m_integer.available(need.packed);
        return available_of_both(need);
    }
    /// They are taken by a micro-op that is committed at `committed`, and frees as many.
    void take(Need need, Cycles committed) {
        if (need.packed <= max_integer) [[likely]]
            return m_integer.take(need.packed, committed);
        take_of_both(need, committed);
    }

private:
    static constexpr std::uint32_t max_integer = 3;  ///< packed, without vector entries
    static constexpr std::uint32_t first_write = 16; ///< beside a register's entry: it has never been written

    /// The commits of the last results: one of `m_limit` results before frees the next one's entry.
    class File {
    public:
        explicit File(std::uint32_t entries)
            : m_limit(entries), m_mask(std::bit_ceil(entries + 2) - 1), m_commits(m_mask + 1) {}

        [[nodiscard]] Cycles available(std::uint32_t count) const {
            return m_commits[(m_results - m_limit + count - 1) & m_mask];
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

    [[nodiscard]] Need rename_written_first(const MicroOp& uop);
    [[nodiscard]] Cycles available_of_both(Need need) const;
    void take_of_both(Need need, Cycles committed);

    File m_integer, m_vector;
    /// What a register takes as a micro-op's first and as its second destination.
    std::array<std::uint8_t, 256> m_first{}, m_second{};
};

} // namespace pagewalk::models
