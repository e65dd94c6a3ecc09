#pragma once

#include "os/path/reclaim_counters.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// What the multi-generational LRU learns from refaults, for a node or a memory cgroup: pages of a kind are
/// in tiers by how often system calls have used them, and a tier of which relatively more pages come back
/// than of the first is spared. Proportional control over averages that halve with every generation (struct
/// ctrl_pos). Source: behaviour of mm/vmscan.c of Linux 6.1.
class RefaultTiers {
public:
    static constexpr unsigned tiers = 4; ///< MAX_NR_TIERS

    /// lru_tier_from_refs, of uses beyond the first.
    [[nodiscard]] static unsigned tier_of(unsigned uses);

    void note_evicted(LruKind kind, unsigned tier, std::uint64_t pages) { of(kind, tier).evicted += pages; }
    void note_refaulted(LruKind kind, unsigned tier, std::uint64_t pages) {
        of(kind, tier).refaulted += pages;
    }
    /// The tier's pages were spared.
    void note_protected(LruKind kind, unsigned tier, std::uint64_t pages) { of(kind, tier).spared += pages; }
    /// reset_ctrl_pos: a kind's oldest generation has come to its end.
    void end_generation(LruKind kind);

    /// The last tier of a kind that may go (get_tier_idx).
    [[nodiscard]] unsigned last_tier(LruKind kind) const;
    struct Choice {
        LruKind kind = LruKind::File;
        unsigned last_tier = 0;
    };
    /// get_type_to_scan, where both kinds' oldest generations are of the same age.
    [[nodiscard]] Choice choose(unsigned swappiness) const;

private:
    /// In pages: of the present oldest generation, and averages over those before.
    struct Tier {
        std::uint64_t refaulted = 0, evicted = 0, spared = 0;
        std::uint64_t mean_refaulted = 0, mean_total = 0;
    };
    struct Position {
        std::uint64_t refaulted = 0, total = 0, gain = 1;
    };
    [[nodiscard]] Tier& of(LruKind kind, unsigned tier) {
        return m_tiers[static_cast<std::size_t>(kind)][tier];
    }
    [[nodiscard]] Position position(LruKind kind, unsigned tier, std::uint64_t gain) const;
    [[nodiscard]] unsigned last_tier(LruKind kind, std::uint64_t gain, const Position& standard) const;
    [[nodiscard]] static bool refaults_less(const Position& standard, const Position& tier);

    std::array<std::array<Tier, tiers>, lru_kind_count> m_tiers{};
};

} // namespace pagewalk::os
