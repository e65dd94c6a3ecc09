#pragma once

#include "models/mmu/design/translation_designs.h"

namespace pagewalk::models {

/// A small TLB of what the second level drops, looked up when that misses; what it has goes back. Source:
/// Jouppi, "Improving Direct-Mapped Cache Performance by the Addition of a Small Fully-Associative Cache and
/// Prefetch Buffers", ISCA 1990: the victim cache, for translations.
class VictimTlb final : public TranslationDesign {
public:
    explicit VictimTlb(const DesignParts& parts)
        : m_latency(parts.config.design.victim_tlb.latency), m_tlb(parts.config.design.victim_tlb.tlb) {}

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) override;
    void evicted(const TaggedTlbEntry& old, Cycles) override { m_tlb.insert(old.tag, old.entry); }
    std::uint64_t invalidate(const TlbInvalidation& invalidation) override {
        return m_tlb.invalidate(invalidation);
    }
    void declare(StatGroup group) const override { m_tlb.stats().declare(group.group("victim_tlb")); }

private:
    Cycles m_latency;
    Tlb m_tlb;
};

} // namespace pagewalk::models
