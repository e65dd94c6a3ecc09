#pragma once

#include "models/mmu/design/translation_designs.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct VictimaStats {
    std::uint64_t fills = 0;
    std::uint64_t cheap_walks = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// Lines of the L2 cache hold the translations of eight small pages that lie together, and are looked up
/// there on a miss of the second-level TLB. A translation comes in after a walk that was costly. Source:
/// Kanellopoulos et al., "Victima: Drastically Increasing Address Translation Reach by Leveraging
/// Underutilized Cache Resources", MICRO 2023.
///
/// Approximations: a walk's latency alone says whether it was costly (the paper's predictor counts an entry's
/// walks too); blocks come in after walks, not at TLB evictions; the cache replaces them as any line; the
/// walk begins after the look-up, not beside it; pages of 2 MiB are left to the walker.
class Victima final : public TranslationDesign {
public:
    explicit Victima(const DesignParts& parts);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    void walked(const TlbMiss& miss, const WalkResult& result) override;
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override;
    void declare(StatGroup group) const override { m_stats.declare(group.group("victima")); }

    [[nodiscard]] const VictimaStats& stats() const { return m_stats; }

private:
    static constexpr std::uint64_t pages = 8; ///< of a block
    struct Block {
        PageTag first; ///< of its pages
        std::uint64_t number = 0;
    };
    [[nodiscard]] static Block block_of(const TlbMiss& miss);
    void forget_evicted();

    PrivateHierarchy& m_caches;
    PageWalker& m_walker;
    Cycles m_costly_walk;
    std::size_t m_most_kept; ///< of m_kept, before those that the cache has evicted are forgotten
    std::vector<Block> m_kept;
    VictimaStats m_stats;
};

} // namespace pagewalk::models
