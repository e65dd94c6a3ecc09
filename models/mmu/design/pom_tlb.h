#pragma once

#include "models/mmu/design/translation_designs.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct PomTlbStats {
    std::uint64_t second_look_ups = 0;
    std::uint64_t fills = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// A very large TLB in a part of memory, whose sets are lines that the data caches hold as any other: half of
/// it for 4 KiB pages, half for 2 MiB pages, each set four entries of 16 bytes. A predictor says which half
/// to read first. Source: Ryoo et al., "Rethinking TLB Designs in Virtualized Environments: A Very Large
/// Part-of-Memory TLB", ISCA 2017.
///
/// Approximation: each CPU has a part of its own, in plain memory; the paper's is shared and die-stacked.
class PomTlb final : public TranslationDesign {
public:
    explicit PomTlb(const DesignParts& parts);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    void walked(const TlbMiss& miss, const WalkResult& result) override;
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override;
    void declare(StatGroup group) const override { m_stats.declare(group.group("pom_tlb")); }

    [[nodiscard]] const PomTlbStats& stats() const { return m_stats; }

private:
    static constexpr std::size_t ways = 4;
    static constexpr std::size_t predictor_rows = 512;
    struct Half {
        PhysAddr base{};
        std::uint64_t set_mask = 0;
        std::vector<TaggedTlbEntry> entries;

        [[nodiscard]] std::size_t set_of(PageTag tag) const { return (tag.page() ^ tag.pcid()) & set_mask; }
        [[nodiscard]] PhysAddr line_of(PageTag tag) const { return base + set_of(tag) * line_size; }
    };
    [[nodiscard]] Half& half_of(PageSize size) { return m_halves[static_cast<std::size_t>(size)]; }
    [[nodiscard]] bool& predicts_large(VirtAddr address) {
        return m_predicts_large[address.value() >> shift_of(PageSize::Page2M) & (predictor_rows - 1)];
    }
    [[nodiscard]] static TaggedTlbEntry* search(Half& half, PageTag tag);
    std::uint64_t drop_pages(PageSize size, const TlbInvalidation& invalidation);

    PrivateHierarchy& m_caches;
    std::array<Half, 2> m_halves;
    std::array<bool, predictor_rows> m_predicts_large{};
    std::uint64_t m_next_way = 0;
    PomTlbStats m_stats;
};

} // namespace pagewalk::models
