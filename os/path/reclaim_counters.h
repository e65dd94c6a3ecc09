#pragma once

#include "base/histogram.h"
#include "base/stats.h"
#include "os/page/zone_type.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// Which of a node's two kinds of LRU lists; indexes counters of both.
enum class LruKind : std::uint8_t { Anon, File };
inline constexpr std::size_t lru_kind_count = 2;

/// What page reclaim and swapping have done: the counters of /proc/vmstat by their names there, in pages
/// unless said otherwise.
struct ReclaimCounters {
    using OfBoth = std::array<std::uint64_t, lru_kind_count>;

    std::uint64_t pgscan_kswapd = 0, pgscan_direct = 0;
    std::uint64_t pgscan_direct_throttle = 0; ///< requesters that waited for kswapd
    OfBoth pgscan{};                          ///< pgscan_anon, pgscan_file
    std::uint64_t pgsteal_kswapd = 0, pgsteal_direct = 0;
    OfBoth pgsteal{}; ///< pgsteal_anon, pgsteal_file
    std::array<std::uint64_t, zone_type_count> pgskip{};
    std::uint64_t pgrefill = 0; ///< pages of active lists that were scanned
    std::uint64_t pglazyfreed = 0;
    std::uint64_t pgrotated = 0;
    OfBoth workingset_refault{}, workingset_activate{}, workingset_restore{};
    std::uint64_t nr_vmscan_write = 0;
    std::uint64_t nr_vmscan_immediate_reclaim = 0;
    std::uint64_t throttled = 0; ///< waits of reclaim for the disk or for others' progress

    std::uint64_t pswpin = 0, pswpout = 0;
    std::uint64_t swap_ra = 0, swap_ra_hit = 0;
    std::uint64_t nr_swapcached = 0;
    std::uint64_t nr_swap_writeback = 0; ///< being written to swap now
    std::uint64_t swap_slots = 0;        ///< in use now

    std::uint64_t zram_stored = 0; ///< pages that a zram device holds compressed now
    std::uint64_t zram_pool = 0;   ///< frames that it holds them in

    Histogram direct_latency; ///< passes over a node on behalf of who asked for memory

    void declare(StatGroup group) const;
};

} // namespace pagewalk::os
