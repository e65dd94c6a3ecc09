#pragma once

#include "models/mmu/design/translation_designs.h"

#include <cstdint>

namespace pagewalk::models {

struct AsapStats {
    std::uint64_t prefetches = 0;

    void declare(StatGroup group) const;
};

/// As a walk begins, the entries of its last levels are fetched too: their tables lie in the order of their
/// addresses, so that where an entry lies follows from the address and a register of its area. Source:
/// Margaritov et al., "Prefetched Address Translation", MICRO 2019 (ASAP).
///
/// Approximation: every area has its register, and the tables lie where the page allocator put them: where an
/// entry lies is read out of the tables, as if they were in order.
class Asap final : public TranslationDesign {
public:
    explicit Asap(const DesignParts& parts)
        : m_walker(parts.walker), m_levels(parts.config.design.asap.levels) {}

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    std::uint64_t invalidate(const TlbInvalidation&) override { return 0; }
    void declare(StatGroup group) const override { m_stats.declare(group.group("asap")); }

    [[nodiscard]] const AsapStats& stats() const { return m_stats; }

private:
    PageWalker& m_walker;
    std::uint32_t m_levels;
    AsapStats m_stats;
};

} // namespace pagewalk::models
