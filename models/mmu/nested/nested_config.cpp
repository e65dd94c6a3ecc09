#include "models/mmu/nested/nested_config.h"

#include "contract/page_table.h"

namespace pagewalk::models {

void NestedConfig::declare(OptionGroup group) {
    group.choice(
        "pages", pages,
        {{HostPages::None, "none"},
         {HostPages::Small, "4k"},
         {HostPages::Large, "2m"},
         {HostPages::Giant, "1g"}},
        {Unit::None,
         "pages by which a hypervisor backs memory, so that walks are two-dimensional and the operating "
         "system is a guest; none: it runs on the machine itself",
         "user"});
    tlb.declare(group.group("tlb"), "nested TLB, of guest-physical pages",
                "assumed; Bhargava et al., ASPLOS 2008");
    group.number("tlb_latency", tlb_latency, {0, 100},
                 {Unit::Cycles, "cycles of a look-up in the nested TLB and the host's walk caches",
                  "as mmu.walk_cache.latency"});
    group.number(
        "violation_cycles", violation, {0, 100'000'000},
        {Unit::Cycles,
         "cycles that the first access to a page of the guest's memory waits for the hypervisor: the "
         "exit, its fault and the entry",
         "assumed"});
}

void NestedConfig::validate(const OptionSet& options) const { tlb.validate(options, "mmu.vm.tlb"); }

std::uint64_t NestedConfig::table_bytes(std::uint64_t memory) {
    std::uint64_t frames = 1; // the root
    for (unsigned level = 1; level < 4; ++level) frames += memory / level_span(level + 1) + 1;
    // A hole below 4 GiB and the last range's end may each want tables of their own.
    return (frames + 16) * page_size;
}

} // namespace pagewalk::models
