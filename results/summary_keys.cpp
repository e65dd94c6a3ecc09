#include "results/summary_keys.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pagewalk::results {

namespace {

constexpr std::array keys = std::to_array<SummaryKey>({
    {"instructions", "instructions", "program instructions committed, all cores"},
    {"cycles", "cycles", "cycles of all cores in programs and in the kernel"},
    {"ipc", "instructions/cycle", "program instructions per cycle"},
    {"host_seconds", "s", "wall-clock time of the run"},
    {"host_mips", "MIPS", "million program instructions per second of wall clock, warm-up included"},
    {"l1i_mpki", "1/kinstr", "first-level instruction cache misses a thousand instructions"},
    {"l1d_mpki", "1/kinstr", "first-level data cache misses a thousand instructions"},
    {"l2_mpki", "1/kinstr", "second-level cache misses a thousand instructions"},
    {"llc_mpki", "1/kinstr", "last-level cache misses a thousand instructions"},
    {"dtlb_mpki", "1/kinstr", "first-level data TLB misses a thousand instructions"},
    {"stlb_mpki", "1/kinstr", "second-level TLB misses a thousand instructions"},
    {"branch_mpki", "1/kinstr", "mispredicted branches a thousand instructions"},
    {"walks", "count", "page walks"},
    {"walk_cycles_mean", "cycles", "mean latency of page walks"},
    {"walk_refs_mean", "count", "mean memory references of page walks"},
    {"page_faults", "count", "page faults"},
    {"fault_cycles_p50", "cycles", "median latency of page faults"},
    {"fault_cycles_p99", "cycles", "99th percentile of the latency of page faults"},
    {"allocations", "count", "page allocations"},
    {"alloc_cycles_p50", "cycles", "median latency of page allocations"},
    {"alloc_cycles_p99", "cycles", "99th percentile of the latency of page allocations"},
    {"dram_read_bytes", "bytes", "read from memory"},
    {"dram_write_bytes", "bytes", "written to memory"},
    {"dram_row_hit_rate", "1", "share of memory accesses that found their row open"},
    {"status", "text",
     "running, complete, instruction_limit, region_end, program_died, incomplete, interrupted or failed"},
    {"exit_status", "number", "the program's own exit status"},
    {"died_of", "text", "name of the signal that ended the program"},
    {"killed_by", "text",
     "who sent it: program, signal (from outside), simulated kernel: SIGSEGV, simulated kernel: SIGBUS or "
     "simulated kernel: OOM"},
    {"region", "text",
     "whether what run.begin_at and run.end_at name was reached: complete, never_began or never_ended"},
});

} // namespace

std::span<const SummaryKey> summary_keys() { return keys; }

SummaryValue summary_value(std::string_view key, std::variant<std::uint64_t, double, std::string> value) {
    const auto found = std::ranges::find(keys, key, &SummaryKey::name);
    PAGEWALK_INVARIANT(found != keys.end());
    return {std::string(found->name), std::move(value), std::string(found->unit),
            std::string(found->description)};
}

} // namespace pagewalk::results
