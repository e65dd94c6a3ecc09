#include "models/mmu/tlb_miss_event.h"

#include <cstddef>
#include <string>

namespace pagewalk::models {

EventSchema tlb_miss_schema() {
    using E = TlbMissEvent;
    EventSchema schema{"tlb_misses", "page walks: accesses that missed every TLB", sizeof(E), {}};
    auto column = [&schema]<class T>(const char* name, T E::*, std::size_t offset, const char* unit,
                                     const char* text, std::vector<std::string> names = {}) {
        schema.columns.push_back({name, column_type_of<T>(), offset, unit, text, std::move(names)});
    };
    column("time", &E::time, offsetof(E, time), "ps", "simulated time at which the walk began");
    column("address", &E::address, offsetof(E, address), "bytes", "virtual address");
    column("latency", &E::latency, offsetof(E, latency), "cycles",
           "from the walk's start to the translation");
    column("cpu", &E::cpu, offsetof(E, cpu), "1", "CPU");
    column("access", &E::access, offsetof(E, access), "1", "kind of access", {"read", "write", "execute"});
    column("page_size", &E::page_size, offsetof(E, page_size), "1", "size of the page found",
           {"4KiB", "2MiB", "1GiB"});
    column("levels", &E::levels, offsetof(E, levels), "count", "page-table entries read");
    for (std::size_t i = 0; i < 5; ++i)
        schema.columns.push_back(
            {"hit" + std::to_string(i),
             ColumnType::U8,
             offsetof(E, hit) + i,
             "1",
             "where reference " + std::to_string(i) + " hit (upper level first)",
             {"L1", "L2", "LLC", "remote_cache", "memory", "remote_memory", "not_made"}});
    column("fault", &E::fault, offsetof(E, fault), "1", "1: the walk ended in a page fault");
    column("kernel", &E::kernel, offsetof(E, kernel), "1", "1: an access of the kernel's");
    return schema;
}

} // namespace pagewalk::models
