#pragma once

#include "base/histogram.h"
#include "base/stats.h"

#include <cstdint>

namespace pagewalk::os {

struct BlockStats {
    std::uint64_t merges = 0;    ///< requests that became part of another
    std::uint64_t waited = 0;    ///< requests that waited for a tag
    std::uint64_t retries = 0;   ///< of requests that had failed
    std::uint64_t errors = 0;    ///< requests that failed for good
    std::uint64_t polls = 0;     ///< looks for a completion by who waits for it
    std::uint64_t in_flight = 0; ///< now
    Histogram wait;              ///< ps, until the device was told
    // ps, until the completion was handled. A task waits for synchronous writes.
    Histogram reads, sync_writes, async_writes, flushes;

    void declare(StatGroup group) const {
        group.counter("merges", merges, "count", "requests that were merged into another one");
        group.counter("waited", waited, "count", "requests that waited for a tag of their hardware queue");
        group.counter("retries", retries, "count", "requests given to the device again after an error");
        group.counter("errors", errors, "count",
                      "requests of direct I/O that failed each time: who started them is told (EIO)");
        group.counter("polls", polls, "count", "looks for completions by tasks that poll");
        group.gauge("in_flight", in_flight, "count", "requests that are not complete now");
        group.histogram("wait", wait, "ps", "of a request, until the device was told");
        group.histogram("read_latency", reads, "ps", "reads, until the completion was handled");
        group.histogram("sync_write_latency", sync_writes, "ps",
                        "writes that a task waits for, until the completion was handled");
        group.histogram("async_write_latency", async_writes, "ps",
                        "other writes, until the completion was handled");
        group.histogram("flush_latency", flushes, "ps", "flushes, until the completion was handled");
    }
};

} // namespace pagewalk::os
