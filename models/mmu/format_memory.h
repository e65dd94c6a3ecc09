#pragma once

#include "base/stats.h"
#include "contract/canonical_half.h"
#include "contract/kernel_path.h"
#include "contract/page_tables/page_table_format.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct FormatMemoryStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;

    void declare(StatGroup group) const {
        group.counter("hits", hits, "count", "look-ups that found what a walk had kept");
        group.counter("misses", misses, "count", "look-ups that did not");
    }
};

/// The walk cache of page tables that are not radix: fully associative, least recent first. As x86-64's
/// paging-structure caches it loses all of an address space when any page of that is invalidated (Intel SDM
/// vol. 3A, 4.10.4.1).
class FormatMemory final : public WalkMemory {
public:
    explicit FormatMemory(std::uint32_t entries) : m_entries(entries) {}

    /// Whose keys come next.
    void set_space(std::uint16_t pcid) { m_pcid = pcid; }
    [[nodiscard]] bool recall(std::uint64_t key) override {
        if (m_entries.empty()) return false;
        Entry* oldest = &m_entries[0];
        for (Entry& entry : m_entries) {
            if (entry.used != 0 && entry.key == key && entry.pcid == m_pcid) {
                entry.used = ++m_clock;
                ++m_stats.hits;
                return true;
            }
            if (entry.used < oldest->used) oldest = &entry;
        }
        *oldest = {key, ++m_clock, m_pcid};
        ++m_stats.misses;
        return false;
    }
    void invalidate(const TlbInvalidation& invalidation) {
        using Scope = TlbInvalidation::Scope;
        if (invalidation.scope == Scope::Range && is_upper_half(invalidation.start)) return;
        for (Entry& entry : m_entries)
            if (invalidation.scope == Scope::All || entry.pcid == invalidation.pcid) entry = {};
    }
    [[nodiscard]] const FormatMemoryStats& stats() const { return m_stats; }

private:
    struct Entry {
        std::uint64_t key = 0;
        std::uint64_t used = 0; ///< 0: nothing is kept
        std::uint16_t pcid = 0;
    };
    std::uint16_t m_pcid = 0;
    std::uint64_t m_clock = 0;
    std::vector<Entry> m_entries;
    FormatMemoryStats m_stats;
};

} // namespace pagewalk::models
