#pragma once

#include "models/mmu/design/prefetch/tlb_prefetcher.h"
#include "models/mmu/design/translation_designs.h"

#include <cstdint>
#include <memory>

namespace pagewalk::models {

struct TlbPrefetchStats {
    std::uint64_t prefetches = 0;
    std::uint64_t useful = 0;
    std::uint64_t late = 0;
    std::uint64_t not_mapped = 0;

    void declare(StatGroup group) const;
};

/// Translations brought ahead into a buffer beside the second-level TLB, as a prefetcher wants them. A miss
/// that the buffer serves moves its translation to the TLB. Source: Kandiraju and Sivasubramaniam, ISCA 2002;
/// buffer of 64 as Vavouliotis et al., ISCA 2021.
class TlbPrefetch final : public TranslationDesign {
public:
    TlbPrefetch(const DesignParts& parts, std::unique_ptr<TlbPrefetcher> prefetcher);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    void walked(const TlbMiss& miss, const WalkResult& result) override;
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override {
        return m_buffer.invalidate(invalidation);
    }
    void declare(StatGroup group) const override;

    [[nodiscard]] const TlbPrefetchStats& stats() const { return m_stats; }

private:
    void prefetch(const TlbMiss& miss, TlbPrefetcher::ServedBy served, Cycles cycle);
    void bring(const TlbMiss& miss, VirtAddr address, Cycles cycle);

    PageWalker& m_walker;
    TlbHierarchy& m_tlbs;
    std::unique_ptr<TlbPrefetcher> m_prefetcher;
    Cycles m_latency;
    Tlb m_buffer;
    TlbPrefetchStats m_stats;
};

} // namespace pagewalk::models
