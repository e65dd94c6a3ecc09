#include "models/memory/dram_stats.h"

namespace pagewalk::models {

void DramStats::declare(StatGroup group) const {
    group.counter("reads", reads, "count", "lines read");
    group.counter("writes", writes, "count", "lines written to the controller");
    group.counter("read_bytes", read_bytes, "bytes", "read over the data bus or from the write queue");
    group.counter("write_bytes", write_bytes, "bytes", "written to the controller");
    group.counter("row_hits", row_hits, "count", "accesses to a row that was open");
    group.counter("row_misses", row_misses, "count", "accesses to a bank that was closed");
    group.counter("row_conflicts", row_conflicts, "count", "accesses to a bank with another row open");
    group.counter("forwarded", forwarded, "count", "reads served from the write queue");
    group.counter("merged_writes", merged_writes, "count", "writes to a line that was in the write queue");
    group.counter("drains", drains, "count",
                  "batches of writes sent to the DRAM, from a full queue or while idle");
    group.counter("bus_busy", bus_busy, "ps", "data on the bus, summed over the channels");
    group.counter("refreshes", refreshes, "count", "all-bank refreshes of a rank");
    group.histogram("read_latency", read_latency, "ps", "from a read's arrival to its data");
}

} // namespace pagewalk::models
