#include "os/path/reclaim_counters.h"

#include <string>

namespace pagewalk::os {

void ReclaimCounters::declare(StatGroup group) const {
    group.counter("pgscan_kswapd", pgscan_kswapd, "pages", "pages of inactive lists scanned by kswapd");
    group.counter("pgscan_direct", pgscan_direct, "pages",
                  "pages of inactive lists scanned by those who asked for memory");
    group.counter("pgscan_direct_throttle", pgscan_direct_throttle, "count",
                  "requests that waited for kswapd because the reserves were low");
    group.counter("pgsteal_kswapd", pgsteal_kswapd, "pages", "pages reclaimed by kswapd");
    group.counter("pgsteal_direct", pgsteal_direct, "pages", "pages reclaimed by those who asked for memory");
    for (std::size_t i = 0; i < lru_kind_count; ++i) {
        const std::string kind = static_cast<LruKind>(i) == LruKind::Anon ? "anon" : "file";
        group.counter("pgscan_" + kind, pgscan[i], "pages",
                      "pages of the inactive " + kind + " list scanned");
        group.counter("pgsteal_" + kind, pgsteal[i], "pages",
                      "pages of the inactive " + kind + " list reclaimed");
        group.counter("workingset_refault_" + kind, workingset_refault[i], "pages",
                      kind + " pages read back after they had been reclaimed");
        group.counter(
            "workingset_activate_" + kind, workingset_activate[i], "pages",
            "refaults that were active at once: the page would not have been reclaimed from lists as "
            "large as memory");
        group.counter("workingset_restore_" + kind, workingset_restore[i], "pages",
                      "refaults of pages that had been active before");
    }
    group.counter("pgrefill", pgrefill, "pages", "pages of active lists scanned");
    group.counter("pglazyfreed", pglazyfreed, "pages", "pages given up by MADV_FREE that were reclaimed");
    group.counter("pgrotated", pgrotated, "pages", "moved to their list's end once they had been written");
    group.counter("nr_vmscan_write", nr_vmscan_write, "pages", "pages that reclaim has begun to write");
    group.counter("reclaim_throttled", throttled, "count",
                  "waits of reclaim for the disk or for the progress of others");
    group.counter("pswpin", pswpin, "pages", "read from swap");
    group.counter("pswpout", pswpout, "pages", "written to swap");
    group.counter("swap_ra", swap_ra, "pages", "read from swap ahead of any use");
    group.counter("swap_ra_hit", swap_ra_hit, "pages", "of those, used later");
    group.histogram("reclaim_latency_direct", direct_latency, "ps",
                    "passes of reclaim over a node by those who asked for memory");
    group.gauge("nr_swapcached", nr_swapcached, "pages", "in the swap cache now");
    group.gauge("nr_swap_writeback", nr_swap_writeback, "pages", "being written to swap now");
    group.gauge("swap_slots", swap_slots, "pages", "of the swap area in use now");
    group.gauge("zram_stored", zram_stored, "pages", "compressed in memory now");
    group.gauge("zram_pool", zram_pool, "pages", "frames that hold compressed pages now");
}

} // namespace pagewalk::os
