#pragma once

#include "os/page/gfp.h"
#include "os/page/zone_type.h"
#include "os/path/memory_cgroup.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// Who reclaims, what it may do, and what has come of it so far (struct scan_control).
struct ScanControl {
    static constexpr unsigned first_priority = 12; // DEF_PRIORITY

    std::uint64_t wanted = 32; ///< pages
    unsigned order = 0;        ///< of the block that is needed
    ZoneType highest = ZoneType::Normal;
    unsigned priority = first_priority; ///< part of the lists to scan, as a shift
    bool by_kswapd = false;
    bool may_io = true;    ///< __GFP_IO
    bool may_write = true; ///< dirty pages
    bool may_swap = true;  ///< anonymous pages
    bool ignores_references = false;
    bool first_round = false;                  ///< of kswapd's since it was woken
    bool spares_files = false;                 ///< page caches are not to be touched
    bool deactivates_all = false;              ///< active lists are scanned whatever their size
    std::array<bool, 2> may_deactivate{};      ///< by LruKind
    bool skipped_deactivation = false;         ///< active pages were spared
    bool trims_cache = false, no_file = false; ///< only file pages, or only anonymous ones, are worth it
    MemoryCgroup* target = nullptr;            ///< whose memory is to shrink; null: the machine's
    bool takes_protected = false;              ///< what is below memory.low too
    bool spared_protected = false;             ///< some of it was left alone

    std::uint64_t scanned = 0, reclaimed = 0;
    /// Of the pages of inactive lists in one pass over a node.
    struct Pass {
        std::uint64_t taken = 0, file_taken = 0;
        std::uint64_t dirty = 0, unqueued_dirty = 0, writeback = 0, immediate = 0;
    };
    Pass pass;
};

} // namespace pagewalk::os
