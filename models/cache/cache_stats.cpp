#include "models/cache/cache_stats.h"

namespace pagewalk::models {

void CacheStats::declare(StatGroup group, const char* time_unit) const {
    group.counter("accesses", accesses, "count", "demand accesses: loads, stores, fetches, page-walk loads");
    group.counter("misses", misses, "count", "demand accesses whose line was neither here nor on its way");
    group.counter("merges", merges, "count", "demand accesses whose line was on its way");
    group.counter("walk_accesses", walk_accesses, "count", "page-walk loads among the accesses");
    group.counter("walk_misses", walk_misses, "count", "page-walk loads among the misses");
    group.counter("write_backs_in", write_backs_in, "count", "modified lines taken from the level above");
    group.counter("write_backs_out", write_backs_out, "count", "modified lines handed to the level below");
    group.counter("prefetches", prefetches, "count", "lines fetched by this level's prefetcher");
    group.counter("prefetches_useful", prefetches_useful, "count",
                  "prefetched lines that a demand access met");
    group.counter("prefetches_late", prefetches_late, "count", "useful prefetches still on their way then");
    group.counter("mshr_waits", mshr_waits, "count", "misses that waited for a free MSHR");
    group.counter("miss_time", miss_time, time_unit, "from a demand miss being known to its data, summed");
    group.counter("upgrades", upgrades, "count", "stores to a line held shared");
    group.counter("snoop_invalidations", snoop_invalidations, "count", "lines dropped for another core");
    group.counter("snoop_downgrades", snoop_downgrades, "count", "lines made shared for another core");
    group.ratio("miss_ratio", "misses", "accesses", 1.0, "ratio", "misses per demand access");
    group.ratio("miss_latency", "miss_time", "misses", 1.0, time_unit, "average time of a demand miss");
}

} // namespace pagewalk::models
