#include "os/reclaim/refault_tiers.h"

#include <bit>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t few = 64; // MIN_LRU_BATCH: so few refaults prove nothing

constexpr LruKind other(LruKind kind) { return kind == LruKind::Anon ? LruKind::File : LruKind::Anon; }

} // namespace

unsigned RefaultTiers::tier_of(unsigned uses) { return static_cast<unsigned>(std::bit_width(uses)); }

void RefaultTiers::end_generation(LruKind kind) {
    for (Tier& tier : m_tiers[static_cast<std::size_t>(kind)])
        tier = {.mean_refaulted = (tier.mean_refaulted + tier.refaulted) / 2,
                .mean_total = (tier.mean_total + tier.evicted + tier.spared) / 2};
}

RefaultTiers::Position RefaultTiers::position(LruKind kind, unsigned tier, std::uint64_t gain) const {
    const Tier& of = m_tiers[static_cast<std::size_t>(kind)][tier];
    return {of.mean_refaulted + of.refaulted, of.mean_total + of.evicted + of.spared, gain};
}

/// positive_ctrl_err: the tier has few refaults, or relatively no more than the standard.
bool RefaultTiers::refaults_less(const Position& standard, const Position& tier) {
    return tier.refaulted < few || tier.refaulted * (standard.total + few) * standard.gain <=
                                       (standard.refaulted + 1) * tier.total * tier.gain;
}

unsigned RefaultTiers::last_tier(LruKind kind, std::uint64_t gain, const Position& standard) const {
    unsigned tier = 1;
    while (tier < tiers && refaults_less(standard, position(kind, tier, gain))) ++tier;
    return tier - 1;
}

unsigned RefaultTiers::last_tier(LruKind kind) const {
    // Twice as many: a margin for fluctuations.
    return last_tier(kind, 2, position(kind, 0, 1));
}

RefaultTiers::Choice RefaultTiers::choose(unsigned swappiness) const {
    const std::array<std::uint64_t, lru_kind_count> gain{swappiness, 200 - swappiness};
    const auto first = [&](LruKind kind) { return position(kind, 0, gain[static_cast<std::size_t>(kind)]); };
    const LruKind kind =
        refaults_less(first(LruKind::Anon), first(LruKind::File)) ? LruKind::File : LruKind::Anon;
    return {kind, last_tier(kind, gain[static_cast<std::size_t>(kind)], first(other(kind)))};
}

} // namespace pagewalk::os
