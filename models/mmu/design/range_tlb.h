#pragma once

#include "base/histogram.h"
#include "models/mmu/design/translation_designs.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct RangeTlbStats {
    std::uint64_t fills = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// A TLB of ranges: pages that follow each other and whose frames do too, of any number, with the same
/// rights. It is looked up beside the second level; where both miss the page table is walked, and the range
/// around the page comes in from the range table meanwhile. Source: Karakostas et al., "Redundant Memory
/// Mappings for Fast Access to Large Memories", ISCA 2015 (RMM).
///
/// Approximations: the range table is what contiguity the page tables have, however the allocator made it,
/// without entries whose accessed bit is clear; its walk takes `walk_cycles` and reads no cache; a range is
/// found up to 64 Ki entries from the page either way.
class RangeTlb final : public TranslationDesign {
public:
    explicit RangeTlb(const DesignParts& parts);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    void walked(const TlbMiss& miss, const WalkResult& result) override;
    [[nodiscard]] Home fill(const TlbMiss& miss, const TlbEntry& entry) override;
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override;
    void declare(StatGroup group) const override;

    [[nodiscard]] const RangeTlbStats& stats() const { return m_stats; }

private:
    static constexpr std::uint64_t most_entries = 1ULL << 16;
    struct Range {
        VirtAddr start{}, end{};
        std::uint64_t frame_after = 0; ///< which a page from `end` on would have
        std::uint64_t used = 0;        ///< 0: none
        Cycles ready{};
        std::uint16_t pcid = 0;
        bool writable = false, executable = false;
    };
    [[nodiscard]] Range* search(const TlbMiss& miss);
    /// The range that the entry's page carries on; null where there is none.
    [[nodiscard]] Range* range_before(const TlbMiss& miss, const TlbEntry& entry);
    [[nodiscard]] VirtAddr end_of(const TlbMiss& miss, const TlbEntry& entry) const;
    [[nodiscard]] VirtAddr start_of(const TlbMiss& miss, const TlbEntry& entry) const;

    PageWalker& m_walker;
    Cycles m_walk_cycles;
    std::vector<Range> m_ranges;
    std::uint64_t m_clock = 0;
    RangeTlbStats m_stats;
    Histogram m_range_pages;
};

} // namespace pagewalk::models
