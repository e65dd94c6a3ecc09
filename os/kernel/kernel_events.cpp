#include "os/kernel/kernel_events.h"

#include "os/page/migratetype.h"
#include "os/page/zone_type.h"

#include <cstdio>
#include <string>
#include <vector>

namespace pagewalk::os {
namespace {

constexpr std::array<std::string_view, allocation_purpose_count> purposes{
    "anonymous", "copy_on_write", "file", "shared_memory", "page_table", "kernel_object", "kernel_stack"};
constexpr std::array<std::string_view, allocation_source_count> sources{
    "pcp_hit", "pcp_refill",        "buddy",          "fallback_steal", "highatomic", "min_watermark",
    "reserve", "direct_compaction", "direct_reclaim", "out_of_memory",  "failed"};
constexpr std::array<std::string_view, fault_kind_count> kinds{
    "anonymous_write", "anonymous_read", "file_map", "file_major",    "file_cow", "shared",
    "copy_on_write",   "copy_of_zero",   "reuse",    "make_writable", "spurious", "kill"};

template <std::size_t N>
std::vector<std::string> names(const std::array<std::string_view, N>& from) {
    return {from.begin(), from.end()};
}

template <class Record, class Field>
EventColumn column(std::string name, Field Record::*field, std::string unit, std::string description,
                   std::vector<std::string> value_names = {}) {
    const Record record{};
    const auto offset =
        reinterpret_cast<const std::byte*>(&(record.*field)) - reinterpret_cast<const std::byte*>(&record);
    return {std::move(name), column_type_of<Field>(), static_cast<std::size_t>(offset),
            std::move(unit), std::move(description),  std::move(value_names)};
}

} // namespace

std::string_view name_of(AllocationPurpose purpose) { return purposes[static_cast<std::size_t>(purpose)]; }
std::string_view name_of(AllocationSource source) { return sources[static_cast<std::size_t>(source)]; }
std::string_view name_of(FaultKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

std::string to_string(const KillRecord& kill) {
    const auto kib = [](std::uint64_t value) { return std::to_string(value) + "kB"; };
    if (kill.reason == KillReason::OutOfMemory)
        return "Out of memory: Killed process " + std::to_string(kill.task) + " (" + kill.name +
               ") total-vm:" + kib(kill.total_vm) + ", anon-rss:" + kib(kill.anon_rss) +
               ", file-rss:" + kib(kill.file_rss) + ", shmem-rss:" + kib(kill.shmem_rss) +
               ", UID:0 pgtables:" + kib(kill.page_tables) + " oom_score_adj:0";
    char address[24];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(kill.address));
    return "task " + std::to_string(kill.task) + ": SIGSEGV at address " + address;
}

EventSchema allocation_schema() {
    std::vector<std::string> zones;
    for (std::size_t i = 0; i < zone_type_count; ++i) zones.emplace_back(name_of(static_cast<ZoneType>(i)));
    std::vector<std::string> types;
    for (std::size_t i = 0; i < migratetype_count; ++i)
        types.emplace_back(name_of(static_cast<Migratetype>(i)));
    using E = AllocationEvent;
    return {"allocations",
            "calls of the page allocator",
            sizeof(E),
            {column("time", &E::time, "ps", "when the kernel path reached the call"),
             column("latency", &E::latency, "ps", "from the call to its return"),
             column("pfn", &E::pfn, "", "first frame; all ones for a failure"),
             column("task", &E::task, "", "task on whose behalf"),
             column("gfp", &E::gfp, "", "allocation flags, numbered as in Linux 6.1"),
             column("cpu", &E::cpu, "", "CPU"), column("node", &E::node, "", "NUMA node that served"),
             column("zone", &E::zone, "", "zone that served", zones),
             column("order", &E::order, "", "log2 of the frames"),
             column("migratetype", &E::migratetype, "", "mobility asked for", types),
             column("purpose", &E::purpose, "", "what the frames are for", names(purposes)),
             column("source", &E::source, "", "where the allocation was served from", names(sources))}};
}

EventSchema fault_schema() {
    using E = FaultEvent;
    return {"page_faults",
            "page faults of the program",
            sizeof(E),
            {column("time", &E::time, "ps", "entry into the kernel"),
             column("latency", &E::latency, "ps", "until the return to the program, sleeps included"),
             column("address", &E::address, "", "virtual address that faulted"),
             column("task", &E::task, "", "task"), column("cpu", &E::cpu, "", "CPU"),
             column("kind", &E::kind, "", "how the fault was resolved", names(kinds)),
             column("access", &E::access, "", "what the program did", {"read", "write", "execute"})}};
}

} // namespace pagewalk::os
