#include "os/proc/vmstat.h"

#include "os/proc/node_statistics.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

namespace pagewalk::os {
namespace {

// Source: /proc/vmstat of Debian's 6.1.0-56-amd64. Between the two come the nodes' counters.
constexpr std::array<std::string_view, 17> zone_names{
    "nr_free_pages",
    "nr_zone_inactive_anon",
    "nr_zone_active_anon",
    "nr_zone_inactive_file",
    "nr_zone_active_file",
    "nr_zone_unevictable",
    "nr_zone_write_pending",
    "nr_mlock",
    "nr_bounce",
    "nr_zspages",
    "nr_free_cma",
    "numa_hit",
    "numa_miss",
    "numa_foreign",
    "numa_interleave",
    "numa_local",
    "numa_other",
};
constexpr std::array<std::string_view, 113> event_names{
    "nr_dirty_threshold",
    "nr_dirty_background_threshold",
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgalloc_dma",
    "pgalloc_dma32",
    "pgalloc_normal",
    "pgalloc_movable",
    "pgalloc_device",
    "allocstall_dma",
    "allocstall_dma32",
    "allocstall_normal",
    "allocstall_movable",
    "allocstall_device",
    "pgskip_dma",
    "pgskip_dma32",
    "pgskip_normal",
    "pgskip_movable",
    "pgskip_device",
    "pgfree",
    "pgactivate",
    "pgdeactivate",
    "pglazyfree",
    "pgfault",
    "pgmajfault",
    "pglazyfreed",
    "pgrefill",
    "pgreuse",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pgdemote_kswapd",
    "pgdemote_direct",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgscan_direct_throttle",
    "pgscan_anon",
    "pgscan_file",
    "pgsteal_anon",
    "pgsteal_file",
    "zone_reclaim_failed",
    "pginodesteal",
    "slabs_scanned",
    "kswapd_inodesteal",
    "kswapd_low_wmark_hit_quickly",
    "kswapd_high_wmark_hit_quickly",
    "pageoutrun",
    "pgrotated",
    "drop_pagecache",
    "drop_slab",
    "oom_kill",
    "numa_pte_updates",
    "numa_huge_pte_updates",
    "numa_hint_faults",
    "numa_hint_faults_local",
    "numa_pages_migrated",
    "pgmigrate_success",
    "pgmigrate_fail",
    "thp_migration_success",
    "thp_migration_fail",
    "thp_migration_split",
    "compact_migrate_scanned",
    "compact_free_scanned",
    "compact_isolated",
    "compact_stall",
    "compact_fail",
    "compact_success",
    "compact_daemon_wake",
    "compact_daemon_migrate_scanned",
    "compact_daemon_free_scanned",
    "htlb_buddy_alloc_success",
    "htlb_buddy_alloc_fail",
    "unevictable_pgs_culled",
    "unevictable_pgs_scanned",
    "unevictable_pgs_rescued",
    "unevictable_pgs_mlocked",
    "unevictable_pgs_munlocked",
    "unevictable_pgs_cleared",
    "unevictable_pgs_stranded",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "thp_fault_fallback_charge",
    "thp_collapse_alloc",
    "thp_collapse_alloc_failed",
    "thp_file_alloc",
    "thp_file_fallback",
    "thp_file_fallback_charge",
    "thp_file_mapped",
    "thp_split_page",
    "thp_split_page_failed",
    "thp_deferred_split_page",
    "thp_split_pmd",
    "thp_scan_exceed_none_pte",
    "thp_scan_exceed_swap_pte",
    "thp_scan_exceed_share_pte",
    "thp_split_pud",
    "thp_zero_page_alloc",
    "thp_zero_page_alloc_failed",
    "thp_swpout",
    "thp_swpout_fallback",
    "balloon_inflate",
    "balloon_deflate",
    "balloon_migrate",
    "swap_ra",
    "swap_ra_hit",
    "ksm_swpin_copy",
    "cow_ksm",
    "zswpin",
    "zswpout",
    "direct_map_level2_splits",
    "direct_map_level3_splits",
    "nr_unstable",
};

std::unordered_map<std::string_view, std::uint64_t> values(const Kernel& kernel) {
    const KernelCounters& counters = kernel.counters();
    const DirtyLimits limits = kernel.files().writeback().limits();
    const CompactionCounters& compaction = kernel.compaction().counters();
    const ReclaimCounters& reclaim = counters.reclaim;
    constexpr std::size_t anon = 0, file = 1;
    std::unordered_map<std::string_view, std::uint64_t> known{
        {"nr_inactive_anon", counters.nr_lru_anon - counters.nr_active_anon},
        {"nr_inactive_file", counters.nr_lru_file - counters.nr_active_file},
        {"nr_active_anon", counters.nr_active_anon},
        {"nr_active_file", counters.nr_active_file},
        {"nr_unevictable", counters.nr_unevictable},
        {"nr_zone_inactive_anon", counters.nr_lru_anon - counters.nr_active_anon},
        {"nr_zone_inactive_file", counters.nr_lru_file - counters.nr_active_file},
        {"nr_zone_active_anon", counters.nr_active_anon},
        {"nr_zone_active_file", counters.nr_active_file},
        {"nr_zone_unevictable", counters.nr_unevictable},
        {"nr_mlock", counters.nr_mlock},
        {"pgactivate", counters.pgactivate},
        {"pgdeactivate", counters.pgdeactivate},
        {"pglazyfree", counters.pglazyfree},
        {"unevictable_pgs_culled", counters.unevictable_pgs_culled},
        {"unevictable_pgs_rescued", counters.unevictable_pgs_rescued},
        {"unevictable_pgs_mlocked", counters.unevictable_pgs_mlocked},
        {"unevictable_pgs_munlocked", counters.unevictable_pgs_munlocked},
        {"nr_slab_reclaimable", kernel.objects().reclaimable_pages()},
        {"nr_slab_unreclaimable", kernel.objects().unreclaimable_pages()},
        {"nr_anon_pages", counters.nr_anon_pages},
        {"nr_mapped", counters.nr_mapped},
        {"nr_file_pages", counters.nr_file_pages},
        {"nr_dirty", counters.nr_dirty},
        {"nr_writeback", counters.nr_writeback + reclaim.nr_swap_writeback},
        {"nr_zone_write_pending", counters.nr_dirty + counters.nr_writeback + reclaim.nr_swap_writeback},
        {"nr_dirtied", counters.nr_dirtied},
        {"nr_written", counters.nr_written},
        {"nr_dirty_threshold", limits.threshold},
        {"nr_dirty_background_threshold", limits.background},
        {"pgpgout", counters.pgpgout},
        {"nr_shmem", counters.nr_shmem},
        {"nr_kernel_stack", counters.nr_kernel_stack * page_size / 1024},
        {"nr_page_table_pages", counters.nr_page_table_pages},
        {"pgpgin", counters.pgpgin},
        {"pswpin", reclaim.pswpin},
        {"pswpout", reclaim.pswpout},
        {"swap_ra", reclaim.swap_ra},
        {"swap_ra_hit", reclaim.swap_ra_hit},
        {"nr_swapcached", reclaim.nr_swapcached},
        {"nr_vmscan_write", reclaim.nr_vmscan_write},
        {"nr_vmscan_immediate_reclaim", reclaim.nr_vmscan_immediate_reclaim},
        {"pgscan_kswapd", reclaim.pgscan_kswapd},
        {"pgscan_direct", reclaim.pgscan_direct},
        {"pgscan_direct_throttle", reclaim.pgscan_direct_throttle},
        {"pgscan_anon", reclaim.pgscan[anon]},
        {"pgscan_file", reclaim.pgscan[file]},
        {"pgsteal_kswapd", reclaim.pgsteal_kswapd},
        {"pgsteal_direct", reclaim.pgsteal_direct},
        {"pgsteal_anon", reclaim.pgsteal[anon]},
        {"pgsteal_file", reclaim.pgsteal[file]},
        {"pgskip_dma", reclaim.pgskip[index_of(ZoneType::Dma)]},
        {"pgskip_dma32", reclaim.pgskip[index_of(ZoneType::Dma32)]},
        {"pgskip_normal", reclaim.pgskip[index_of(ZoneType::Normal)]},
        {"pgskip_movable", reclaim.pgskip[index_of(ZoneType::Movable)]},
        {"pgrefill", reclaim.pgrefill},
        {"pglazyfreed", reclaim.pglazyfreed},
        {"pgrotated", reclaim.pgrotated},
        {"workingset_refault_anon", reclaim.workingset_refault[anon]},
        {"workingset_refault_file", reclaim.workingset_refault[file]},
        {"workingset_activate_anon", reclaim.workingset_activate[anon]},
        {"workingset_activate_file", reclaim.workingset_activate[file]},
        {"workingset_restore_anon", reclaim.workingset_restore[anon]},
        {"workingset_restore_file", reclaim.workingset_restore[file]},
        {"pgalloc_dma", counters.pgalloc[index_of(ZoneType::Dma)]},
        {"pgalloc_dma32", counters.pgalloc[index_of(ZoneType::Dma32)]},
        {"pgalloc_normal", counters.pgalloc[index_of(ZoneType::Normal)]},
        {"pgalloc_movable", counters.pgalloc[index_of(ZoneType::Movable)]},
        {"pgalloc_device", counters.pgalloc[index_of(ZoneType::Device)]},
        {"pgfree", counters.pgfree},
        {"pgfault", counters.pgfault},
        {"pgmajfault", counters.pgmajfault},
        {"allocstall_dma", counters.allocstall[index_of(ZoneType::Dma)]},
        {"allocstall_dma32", counters.allocstall[index_of(ZoneType::Dma32)]},
        {"allocstall_normal", counters.allocstall[index_of(ZoneType::Normal)]},
        {"allocstall_movable", counters.allocstall[index_of(ZoneType::Movable)]},
        {"pageoutrun", counters.pageoutrun},
        {"kswapd_low_wmark_hit_quickly", counters.kswapd_low_wmark_hit_quickly},
        {"kswapd_high_wmark_hit_quickly", counters.kswapd_high_wmark_hit_quickly},
        {"oom_kill", counters.oom_kill},
        {"pgmigrate_success", counters.pgmigrate_success},
        {"pgmigrate_fail", counters.pgmigrate_fail},
        {"compact_migrate_scanned", compaction.migrate_scanned},
        {"compact_free_scanned", compaction.free_scanned},
        {"compact_isolated", compaction.isolated},
        {"compact_stall", compaction.stalls},
        {"compact_fail", compaction.stalls - compaction.successes},
        {"compact_success", compaction.successes},
        {"compact_daemon_wake", compaction.daemon_wakes},
        {"compact_daemon_migrate_scanned", compaction.daemon_migrate_scanned},
        {"compact_daemon_free_scanned", compaction.daemon_free_scanned},
        {"nr_anon_transparent_hugepages", counters.nr_anon_thps},
        {"thp_fault_alloc", counters.thp_fault_alloc},
        {"thp_fault_fallback", counters.thp_fault_fallback},
        {"thp_collapse_alloc", counters.thp_collapse_alloc},
        {"thp_collapse_alloc_failed", counters.thp_collapse_alloc_failed},
        {"thp_scan_exceed_none_pte", counters.thp_scan_exceed_none_pte},
        {"thp_scan_exceed_share_pte", counters.thp_scan_exceed_share_pte},
        {"thp_split_pmd", counters.thp_split_pmd},
        {"thp_split_page", counters.thp_split_page},
        {"thp_split_page_failed", counters.thp_split_page_failed},
        {"thp_deferred_split_page", counters.thp_deferred_split_page},
        {"thp_zero_page_alloc", counters.thp_zero_page_alloc},
        {"thp_zero_page_alloc_failed", counters.thp_zero_page_alloc_failed},
        {"pgreuse", counters.faults[static_cast<std::size_t>(FaultKind::Reuse)] +
                        counters.faults[static_cast<std::size_t>(FaultKind::MakeWritable)]},
    };
    for (const auto& zone : kernel.allocator().zones()) {
        known["nr_free_pages"] += static_cast<std::uint64_t>(zone->exact_free_pages());
        known["nr_free_cma"] += static_cast<std::uint64_t>(zone->free_cma_pages);
        known["numa_hit"] += zone->counters.numa_hit;
        known["numa_miss"] += zone->counters.numa_miss;
        known["numa_foreign"] += zone->counters.numa_foreign;
        known["numa_local"] += zone->counters.numa_local;
        known["numa_other"] += zone->counters.numa_other;
    }
    return known;
}

} // namespace

std::string vmstat_text(const Kernel& kernel) {
    const auto known = values(kernel);
    std::string text;
    const auto print = [&](std::span<const std::string_view> names) {
        for (const std::string_view name : names) {
            const auto found = known.find(name);
            text += std::string(name) + ' ' + std::to_string(found == known.end() ? 0 : found->second) + '\n';
        }
    };
    print(zone_names);
    print(node_statistics);
    print(event_names);
    return text;
}

} // namespace pagewalk::os
