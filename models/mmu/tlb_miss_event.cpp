#include "models/mmu/tlb_miss_event.h"

#include <string>
#include <vector>

namespace pagewalk::models {
namespace {

constexpr EnumNames<HitLevel> hit_places{
    {HitLevel::L1, "L1"},         {HitLevel::L2, "L2"},
    {HitLevel::Llc, "LLC"},       {HitLevel::RemoteCache, "remote_cache"},
    {HitLevel::Memory, "memory"}, {HitLevel::RemoteMemory, "remote_memory"}};

} // namespace

EventSchema TlbMissEvent::schema() {
    using E = TlbMissEvent;
    std::vector<std::string> places(hit_places.begin(), hit_places.end());
    places.emplace_back("not_made");
    EventSchema schema{
        "tlb_misses",
        "page walks: accesses that missed every TLB",
        sizeof(E),
        {event_column("time", &E::time, "ps", "simulated time at which the walk began"),
         event_column("address", &E::address, "bytes", "virtual address"),
         event_column("latency", &E::latency, "cycles", "from the walk's start to the translation"),
         event_column("cpu", &E::cpu, "1", "CPU"), event_column("access", &E::access, "1", "kind of access"),
         event_column("page_size", &E::page_size, "1", "size of the page found"),
         event_column("levels", &E::levels, "count", "page-table entries read")},
        "page walks",
        {100}};
    for (EventColumn& column : event_columns(
             "hit", &E::hit, "1", "where the reference of this number hit, upper level first", places))
        schema.columns.push_back(std::move(column));
    schema.columns.push_back(event_column("fault", &E::fault, "1", "1: the walk ended in a page fault"));
    schema.columns.push_back(event_column("kernel", &E::kernel, "1", "1: an access of the kernel's"));
    return schema;
}

} // namespace pagewalk::models
