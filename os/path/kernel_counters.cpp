#include "os/path/kernel_counters.h"

#include "os/path/page_flags.h"

#include <string>

namespace pagewalk::os {

void KernelCounters::count_lru(std::uint16_t flags, std::int64_t change) {
    const auto add = [change](std::uint64_t& pages) { pages += static_cast<std::uint64_t>(change); };
    if ((flags & frame_flags::unevictable) != 0) return add(nr_unevictable);
    const bool anon = (flags & frame_flags::swapbacked) != 0;
    add(anon ? nr_lru_anon : nr_lru_file);
    if ((flags & frame_flags::active) != 0) add(anon ? nr_active_anon : nr_active_file);
}

void KernelCounters::declare(StatGroup group) const {
    group.counter("pgfault", pgfault, "count", "page faults");
    group.counter("pgmajfault", pgmajfault, "count", "page faults that read from a disk");
    for (std::size_t i = 0; i < zone_type_count; ++i)
        group.counter("pgalloc_" + std::string(name_of(static_cast<ZoneType>(i))), pgalloc[i], "pages",
                      "pages allocated in this kind of zone");
    group.counter("pgfree", pgfree, "pages", "pages freed");
    group.counter("pgpgin", pgpgin, "KiB", "read from disks");
    for (std::size_t i = 0; i < zone_type_count; ++i)
        group.counter("allocstall_" + std::string(name_of(static_cast<ZoneType>(i))), allocstall[i], "count",
                      "direct reclaims for requests up to this kind of zone");
    group.counter("pageoutrun", pageoutrun, "count", "rounds of kswapd");
    group.counter("kswapd_low_wmark_hit_quickly", kswapd_low_wmark_hit_quickly, "count",
                  "times kswapd was woken from its first, short sleep");
    group.counter("kswapd_high_wmark_hit_quickly", kswapd_high_wmark_hit_quickly, "count",
                  "times kswapd found memory short again before it slept");
    group.counter("pgmigrate_success", pgmigrate_success, "pages", "pages moved");
    group.counter("pgmigrate_fail", pgmigrate_fail, "pages", "pages that could not be moved");
    group.counter("oom_kill", oom_kill, "count", "processes killed because memory ran out");
    group.gauge("nr_anon_pages", nr_anon_pages, "pages", "mapped anonymous pages now");
    group.gauge("nr_file_pages", nr_file_pages, "pages", "page cache pages now, shared memory included");
    group.gauge("nr_shmem", nr_shmem, "pages", "shared memory pages now");
    group.gauge("nr_mapped", nr_mapped, "pages", "page cache pages mapped now");
    group.gauge("nr_dirty", nr_dirty, "pages", "dirty page cache pages now");
    group.gauge("nr_writeback", nr_writeback, "pages", "page cache pages being written to a disk now");
    group.counter("nr_dirtied", nr_dirtied, "pages", "page cache pages of files made dirty");
    group.counter("nr_written", nr_written, "pages", "page cache pages written to a disk");
    group.counter("pgpgout", pgpgout, "KiB", "written to disks");
    group.gauge("nr_mlock", nr_mlock, "pages", "locked in memory now");
    group.counter("pgactivate", pgactivate, "pages", "moved to an active LRU list");
    group.counter("pgdeactivate", pgdeactivate, "pages", "moved to an inactive LRU list");
    group.counter("pglazyfree", pglazyfree, "pages", "given up by MADV_FREE");
    group.gauge("nr_page_table_pages", nr_page_table_pages, "pages", "user page tables now");
    group.gauge("nr_kernel_stack", nr_kernel_stack, "pages", "kernel stacks now");
    group.gauge("nr_anon_transparent_hugepages", nr_anon_thps, "count",
                "anonymous huge pages mapped as a whole now");
    group.counter("thp_fault_alloc", thp_fault_alloc, "count", "huge pages allocated by page faults");
    group.counter("thp_fault_fallback", thp_fault_fallback, "count",
                  "page faults that wanted a huge page and were given a small one");
    group.counter("numa_pte_updates", numa_pte_updates, "count",
                  "page-table entries that NUMA balancing marked, to see who uses their pages");
    group.counter("numa_huge_pte_updates", numa_huge_pte_updates, "count", "of those, entries of huge pages");
    group.counter("numa_hint_faults", numa_hint_faults, "count", "page faults of such entries");
    group.counter("numa_hint_faults_local", numa_hint_faults_local, "count",
                  "of those, on the node of the CPU");
    group.counter("numa_pages_migrated", numa_pages_migrated, "pages",
                  "moved to the node of the CPU that uses them");
    group.counter("htlb_buddy_alloc_success", htlb_buddy_alloc_success, "count",
                  "pages of 2 MiB that the page allocator gave to the pool of hugetlbfs");
    group.counter("htlb_buddy_alloc_fail", htlb_buddy_alloc_fail, "count",
                  "times that it had none for the pool");
    group.counter("thp_collapse_alloc", thp_collapse_alloc, "count",
                  "huge pages allocated to take the place of small ones");
    group.counter("thp_collapse_alloc_failed", thp_collapse_alloc_failed, "count",
                  "such allocations that failed");
    group.counter("thp_scan_exceed_none_pte", thp_scan_exceed_none_pte, "count",
                  "ranges that khugepaged left as they were because too many pages were missing");
    group.counter("thp_scan_exceed_share_pte", thp_scan_exceed_share_pte, "count",
                  "ranges that khugepaged left as they were because too many pages were shared");
    group.counter("thp_split_pmd", thp_split_pmd, "count", "mappings of huge pages split into 512 entries");
    group.counter("thp_split_page", thp_split_page, "count", "huge pages split into 512 pages");
    group.counter("thp_split_page_failed", thp_split_page_failed, "count",
                  "huge pages that were not split because something else used them");
    group.counter("thp_deferred_split_page", thp_deferred_split_page, "count",
                  "huge pages put on the list of those to be split when memory is short");
    group.counter("thp_zero_page_alloc", thp_zero_page_alloc, "count", "huge zero pages allocated");
    group.counter("thp_zero_page_alloc_failed", thp_zero_page_alloc_failed, "count",
                  "huge zero pages that there was no memory for");
    reclaim.declare(group);
    group.counter("system_calls", system_calls, "count", "system calls");
    group.counter("copied_to_user", copied_to_user, "bytes", "copied by system calls to programs' memory");
    group.counter("copied_from_user", copied_from_user, "bytes",
                  "copied by system calls from programs' memory");
    group.counter("context_switches", context_switches, "count", "switches to another task");
    group.counter("forks", forks, "count", "tasks made by fork, vfork and clone");
    group.counter("tasks_killed", tasks_killed, "count",
                  "tasks killed for a forbidden access or because memory ran out");
    group.counter("tlb_flushes", tlb_flushes, "count", "TLB invalidations asked for");
    group.counter("shootdown_interrupts", shootdown_interrupts, "count",
                  "interruptions by other CPUs' flushes");
    group.counter("spurious_interrupts", spurious_interrupts, "count",
                  "interrupts of devices that no driver serves");
    group.counter("order_waits", order_waits, "count", "waits for another thread's system call");
    group.counter("orders_forced", orders_forced, "count",
                  "such waits given up: nobody was left to end them");
    group.counter("stream_waits", stream_waits, "count", "polls of a live source that had nothing yet");
    group.counter("failed_allocations", failed_allocations, "count", "page allocations that failed");
    group.histogram("fault_latency", all_fault_latency, "ps", "page faults, all kinds");
    group.histogram("file_read_latency", file_read_latency, "ps",
                    "reads of files by system calls, waiting included");
    group.histogram("allocation_latency", all_allocation_latency, "ps",
                    "page allocations, from wherever served");
    group.histogram("object_latency", all_object_latency, "ps",
                    "calls of the object allocator, allocations and frees");
    for (std::size_t i = 1; i < slab_path_count; ++i) {
        const std::string name(name_of(static_cast<SlabPath>(i)));
        group.histogram("object_latency_" + name, object_latency[i], "ps",
                        "calls of the object allocator served by path " + name);
    }
    for (std::size_t i = 0; i < fault_kind_count; ++i) {
        const std::string name(name_of(static_cast<FaultKind>(i)));
        group.counter("faults_" + name, faults[i], "count", "page faults of kind " + name);
        group.histogram("fault_latency_" + name, fault_latency[i], "ps", "page faults of kind " + name);
    }
    for (std::size_t i = 0; i < allocation_source_count; ++i) {
        const std::string name(name_of(static_cast<AllocationSource>(i)));
        group.counter("allocations_" + name, allocations[i], "count", "page allocations served from " + name);
        group.histogram("allocation_latency_" + name, allocation_latency[i], "ps",
                        "page allocations served from " + name);
    }
    for (std::size_t i = 0; i < allocation_purpose_count; ++i) {
        const std::string name(name_of(static_cast<AllocationPurpose>(i)));
        group.counter("frames_for_" + name, frames_for[i], "pages", "frames allocated for " + name);
    }
}

} // namespace pagewalk::os
