#pragma once

#include "base/address.h"
#include "base/stats.h"
#include "contract/kernel_path.h"
#include "models/mmu/mmu_config.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::models {

struct WalkCacheStats {
    /// Walks that began below an entry of level 2, 3, 4, 5; and those that began at the root.
    std::array<std::uint64_t, 4> hits{};
    std::uint64_t root = 0;

    void declare(StatGroup group) const;
};

/// What the entries above a table allow below it.
struct UpperRights {
    bool writable = true;
    bool executable = true;
};

/// The paging-structure caches: for each level above the leaf, the frame of the next lower table and the
/// rights of the entries down to it. Source: Intel SDM vol. 3A, 4.10.3.
class WalkCache {
public:
    explicit WalkCache(const WalkCacheConfig& config);

    struct Start {
        Pfn table{};        ///< where the walk begins
        unsigned level = 0; ///< level of the entries in that table
        UpperRights rights;
    };
    /// The lowest table that is known for the address, or the root.
    [[nodiscard]] Start find(VirtAddr address, std::uint16_t pcid, Pfn root, unsigned levels);
    /// An entry of `level` (2 or higher) pointed to `table`.
    void insert(VirtAddr address, std::uint16_t pcid, unsigned level, Pfn table, UpperRights rights = {});
    void invalidate(const TlbInvalidation& invalidation);

    [[nodiscard]] const WalkCacheStats& stats() const { return m_stats; }

private:
    struct Level {
        std::size_t ways = 0;
        std::uint64_t set_mask = 0;
        std::vector<std::uint64_t> tags;
        std::vector<std::uint64_t> used;
        std::vector<Pfn> tables;
        std::vector<UpperRights> rights;
    };
    [[nodiscard]] static std::uint64_t tag_of(VirtAddr address, unsigned level, std::uint16_t pcid);

    std::array<Level, 4> m_levels; ///< [0] holds entries of level 2
    std::uint64_t m_clock = 0;
    WalkCacheStats m_stats;
};

} // namespace pagewalk::models
