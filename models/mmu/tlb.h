#pragma once

#include "base/address.h"
#include "base/option.h"
#include "base/stats.h"
#include "contract/kernel_layout.h"
#include "contract/kernel_path.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::models {

enum class PageSize : std::uint8_t { Page4K, Page2M, Page1G };
inline constexpr std::size_t page_size_count = 3;

[[nodiscard]] constexpr unsigned shift_of(PageSize size) {
    return page_shift + 9 * static_cast<unsigned>(size);
}

struct TlbConfig {
    std::uint32_t entries = 64; ///< 0: no such TLB
    std::uint32_t ways = 4;

    void declare(OptionGroup group, const std::string& what, const std::string& source);
    /// Throws ConfigError unless entries / ways is a power of two.
    void validate(const OptionSet& options, const std::string& section) const;
};

struct TlbStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evictions = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// A translation as a TLB holds it. Kernel addresses are global (no page-table isolation): they match in
/// every address space.
struct TlbEntry {
    std::uint64_t frame = 0; ///< first 4 KiB frame of the page
    std::uint64_t ready = 0; ///< core cycle at which the walk that filled it was done
    PageSize size = PageSize::Page4K;
    bool writable = false;
    bool dirty = false; ///< the entry's dirty bit is known to be set: a store needs no walk
    bool executable = false;
};

/// A set-associative TLB with true LRU; may hold several page sizes, each indexed by its own page number.
class Tlb {
public:
    Tlb(const TlbConfig& config);

    /// Tag of a page: page number of its size, address space, size.
    [[nodiscard]] static std::uint64_t tag_of(VirtAddr address, PageSize size, std::uint16_t pcid) {
        const std::uint64_t page = (address.value() & 0xffffffffffffULL) >> shift_of(size);
        const std::uint64_t space = kernel_layout::is_kernel(address) ? 0xfff : pcid;
        return page << 14 | space << 2 | (static_cast<std::uint64_t>(size) + 1);
    }

    /// The entry, made most recent; null on a miss. Counts.
    [[nodiscard]] TlbEntry* find(VirtAddr address, PageSize size, std::uint16_t pcid) {
        if (TlbEntry* entry = probe(address, size, pcid)) {
            ++m_stats.hits;
            return entry;
        }
        return nullptr;
    }
    /// As find, counting nothing (a TLB of several sizes is probed once a size).
    [[nodiscard]] TlbEntry* probe(VirtAddr address, PageSize size, std::uint16_t pcid) {
        if (m_ways == 0) return nullptr;
        const std::uint64_t tag = tag_of(address, size, pcid);
        const std::size_t base = set_of(address, size);
        for (std::size_t way = 0; way < m_ways; ++way)
            if (m_tags[base + way] == tag) {
                m_used[base + way] = ++m_clock;
                return &m_entries[base + way];
            }
        return nullptr;
    }
    void count_hit() { ++m_stats.hits; }
    void count_miss() { ++m_stats.misses; }

    void insert(VirtAddr address, std::uint16_t pcid, const TlbEntry& entry);
    /// Drops what the invalidation covers. Returns the number of entries dropped.
    std::uint64_t invalidate(const TlbInvalidation& invalidation);

    [[nodiscard]] const TlbStats& stats() const { return m_stats; }
    [[nodiscard]] bool present() const { return m_ways != 0; }

private:
    [[nodiscard]] std::size_t set_of(VirtAddr address, PageSize size) const {
        return static_cast<std::size_t>((address.value() >> shift_of(size)) & m_set_mask) * m_ways;
    }

    std::size_t m_ways;
    std::uint64_t m_set_mask;
    std::uint64_t m_clock = 0;
    std::vector<std::uint64_t> m_tags; ///< 0 = invalid
    std::vector<std::uint64_t> m_used;
    std::vector<TlbEntry> m_entries;
    TlbStats m_stats;
};

/// Does the invalidation cover the page of a tag made by Tlb::tag_of?
[[nodiscard]] bool covers(const TlbInvalidation& invalidation, std::uint64_t tag);

} // namespace pagewalk::models
