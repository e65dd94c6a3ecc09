#pragma once

#include "base/option.h"
#include "base/time.h"
#include "models/mmu/design/design_config.h"
#include "models/mmu/nested/nested_config.h"
#include "models/mmu/replacement/tlb_replacement.h"
#include "models/mmu/tlb.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

struct WalkCacheConfig {
    /// Entries of the paging-structure cache that holds entries of level 2 (PDE), 3 (PDPTE), 4 (PML4E), 5
    /// (PML5E).
    std::array<std::uint32_t, 4> entries{32, 16, 16, 4};
    std::array<std::uint32_t, 4> ways{4, 4, 4, 4};
};

struct MmuConfig {
    TlbConfig l1i_4k{128, 8};
    TlbConfig l1i_2m{16, 4};
    TlbConfig l1d_4k{64, 4};
    TlbConfig l1d_2m{32, 4};
    TlbConfig l1d_1g{8, 8};
    TlbConfig l2{2048, 16}; ///< shared by 4 KiB and 2 MiB pages
    TlbReplacementKind l2_replacement = TlbReplacementKind::Lru;
    TlbConfig l2_1g{16, 4};
    WalkCacheConfig walk_cache;
    Cycles l1_latency{0}; ///< cycles a first-level hit adds: the look-up is parallel to the cache's
    Cycles l2_latency{7}; ///< cycles a second-level hit adds
    std::uint32_t walkers = 4;
    Cycles walk_cache_latency{1};
    std::uint32_t format_memory = 16; ///< entries of the walk cache of page tables that are not radix
    std::uint32_t levels = 4;
    bool perfect = false; ///< translations take no time
    std::uint64_t champsim_frames =
        0; ///< of memory, where walks and frames are to be ChampSim's; 0: x86-64's
    std::uint32_t champsim_seed = 1;
    Cycles champsim_fault{0}; ///< of a first touch, in its walk; 0: a fault is an exception
    Cycles first_touch{0};    ///< not an option: champsim_fault where it has its effect
    DesignConfig design;
    NestedConfig nested;

    void declare(OptionGroup group);
    void validate(const OptionSet& options) const;
};

} // namespace pagewalk::models
