#pragma once

#include "base/histogram.h"
#include "models/mmu/design/translation_designs.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct CoalescedTlbStats {
    std::uint64_t fills = 0;
    std::uint64_t merges = 0;
    std::uint64_t evictions = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// A TLB whose entries hold runs of small pages: those of an aligned group whose frames lie as they do and
/// whose rights are the same. It holds all 4 KiB pages in place of the second level, which keeps the larger
/// ones; both are looked up at once. The run is read from the line of entries that the walk has read. Source:
/// Pham et al., "CoLT: Coalesced Large-Reach TLBs", MICRO 2012: CoLT-SA.
class CoalescedTlb final : public TranslationDesign {
public:
    explicit CoalescedTlb(const DesignParts& parts);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    [[nodiscard]] Home fill(const TlbMiss& miss, const TlbEntry& entry) override;
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override;
    void declare(StatGroup group) const override;

    [[nodiscard]] const CoalescedTlbStats& stats() const { return m_stats; }

private:
    /// A run: which pages of a group it has, and the frame that the group's first page has or would have.
    struct Run {
        PageTag group; ///< of the group's first page
        std::uint64_t used = 0;
        std::uint64_t frame = 0;
        Cycles ready{};
        std::uint32_t pages = 0; ///< a bit each; 0: none
        bool writable = false;
        bool dirty = false;
        bool executable = false;
    };
    [[nodiscard]] std::uint64_t place_of(VirtAddr address) const {
        return address.value() >> page_shift & (m_group - 1);
    }
    [[nodiscard]] VirtAddr first_of(VirtAddr address) const {
        return VirtAddr(address.value() & ~(m_group * page_size - 1));
    }
    [[nodiscard]] Run* set_of(VirtAddr first) {
        return &m_runs[((first.value() >> page_shift) / m_group & m_set_mask) * m_ways];
    }
    [[nodiscard]] Run* search(const TlbMiss& miss);
    [[nodiscard]] Run run_around(const TlbMiss& miss, const TlbEntry& entry);

    PageWalker& m_walker;
    std::uint64_t m_group; ///< pages
    std::size_t m_ways;
    std::uint64_t m_set_mask;
    std::uint64_t m_clock = 0;
    std::vector<Run> m_runs;
    CoalescedTlbStats m_stats;
    Histogram m_run_pages;
};

} // namespace pagewalk::models
