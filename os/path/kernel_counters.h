#pragma once

#include "base/histogram.h"
#include "base/stats.h"
#include "os/page/zone_type.h"
#include "os/path/kernel_events.h"
#include "os/path/reclaim_counters.h"

#include <array>
#include <cstdint>

namespace pagewalk::os {

/// What /proc/vmstat and meminfo count, and what Pagewalk adds. Pages unless said otherwise.
struct KernelCounters {
    std::uint64_t pgfault = 0;    ///< faults
    std::uint64_t pgmajfault = 0; ///< faults that read from a disk
    std::array<std::uint64_t, zone_type_count> pgalloc{};
    std::uint64_t pgfree = 0;
    std::uint64_t pgpgin = 0;                                ///< KiB read from disks
    std::uint64_t pgpgout = 0;                               ///< KiB written to disks
    std::array<std::uint64_t, zone_type_count> allocstall{}; ///< direct reclaims
    std::uint64_t pageoutrun = 0;                            ///< rounds of kswapd
    std::uint64_t kswapd_low_wmark_hit_quickly = 0;
    std::uint64_t kswapd_high_wmark_hit_quickly = 0;
    std::uint64_t pgmigrate_success = 0;
    std::uint64_t pgmigrate_fail = 0;
    std::uint64_t oom_kill = 0; ///< processes
    std::uint64_t nr_anon_pages = 0;
    std::uint64_t nr_file_pages = 0; ///< page cache, shared memory included
    std::uint64_t nr_shmem = 0;
    std::uint64_t nr_mapped = 0;
    std::uint64_t nr_dirty = 0;
    std::uint64_t nr_writeback = 0;
    std::uint64_t nr_dirtied = 0; ///< so far
    std::uint64_t nr_written = 0; ///< so far
    std::uint64_t nr_page_table_pages = 0;
    std::uint64_t nr_kernel_stack = 0;
    std::uint64_t nr_lru_anon = 0;    ///< on the LRU lists of anonymous and shared memory, active or not
    std::uint64_t nr_lru_file = 0;    ///< on those of files
    std::uint64_t nr_active_anon = 0; ///< of nr_lru_anon
    std::uint64_t nr_active_file = 0; ///< of nr_lru_file
    std::uint64_t nr_unevictable = 0;
    std::uint64_t nr_mlock = 0;
    std::uint64_t pgactivate = 0;
    std::uint64_t pgdeactivate = 0;
    std::uint64_t pglazyfree = 0;
    std::uint64_t unevictable_pgs_culled = 0;
    std::uint64_t unevictable_pgs_rescued = 0;
    std::uint64_t unevictable_pgs_mlocked = 0;
    std::uint64_t unevictable_pgs_munlocked = 0;
    ReclaimCounters reclaim;

    std::uint64_t nr_anon_thps = 0; ///< huge pages that a level-2 entry maps
    std::uint64_t thp_fault_alloc = 0;
    std::uint64_t thp_fault_fallback = 0;
    std::uint64_t thp_collapse_alloc = 0;
    std::uint64_t thp_collapse_alloc_failed = 0;
    std::uint64_t thp_scan_exceed_none_pte = 0;
    std::uint64_t thp_scan_exceed_share_pte = 0;
    std::uint64_t thp_split_pmd = 0;
    std::uint64_t thp_split_page = 0;
    std::uint64_t thp_split_page_failed = 0;
    std::uint64_t thp_deferred_split_page = 0;
    std::uint64_t thp_zero_page_alloc = 0;
    std::uint64_t thp_zero_page_alloc_failed = 0;

    std::uint64_t numa_pte_updates = 0; ///< entries marked
    std::uint64_t numa_huge_pte_updates = 0;
    std::uint64_t numa_hint_faults = 0;
    std::uint64_t numa_hint_faults_local = 0;
    std::uint64_t numa_pages_migrated = 0;

    std::uint64_t htlb_buddy_alloc_success = 0;
    std::uint64_t htlb_buddy_alloc_fail = 0;

    std::uint64_t system_calls = 0;
    std::uint64_t copied_to_user = 0;   ///< bytes
    std::uint64_t copied_from_user = 0; ///< bytes
    std::uint64_t context_switches = 0;
    std::uint64_t forks = 0;
    std::uint64_t tasks_killed = 0;
    std::uint64_t tlb_flushes = 0;
    std::uint64_t shootdown_interrupts = 0;
    std::uint64_t spurious_interrupts = 0; ///< of devices without a driver
    std::uint64_t order_waits = 0;         ///< sleeps until another thread's system call has taken place
    std::uint64_t orders_forced = 0;       ///< waits given up because nobody was left to end them
    std::uint64_t stream_waits = 0;        ///< polls of a live source that had nothing yet
    std::uint64_t failed_allocations = 0;

    std::array<std::uint64_t, fault_kind_count> faults{};
    std::array<std::uint64_t, allocation_source_count> allocations{};
    std::array<std::uint64_t, allocation_purpose_count> frames_for{};
    std::array<Histogram, fault_kind_count> fault_latency{};
    std::array<Histogram, allocation_source_count> allocation_latency{};
    std::array<Histogram, slab_path_count> object_latency{};
    Histogram all_object_latency;
    Histogram all_fault_latency;
    Histogram file_read_latency;
    Histogram all_allocation_latency;

    /// `change` pages with these flags (page_flags.h) have come onto an LRU list, or left it.
    void count_lru(std::uint16_t flags, std::int64_t change);
    void declare(StatGroup group) const;
};

} // namespace pagewalk::os
