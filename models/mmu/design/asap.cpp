#include "models/mmu/design/asap.h"

namespace pagewalk::models {

void AsapConfig::declare(OptionGroup group) {
    group.number("levels", levels, {1, 2},
                 {Unit::Count, "levels of the page table, from the last on, whose entries are fetched ahead",
                  "Margaritov et al., MICRO 2019: 1 and 2"});
}

void AsapStats::declare(StatGroup group) const {
    group.counter("prefetches", prefetches, "count", "page-table entries fetched as a walk began");
}

std::optional<TlbEntry> Asap::find(const TlbMiss& miss, Cycles& cycle) {
    m_stats.prefetches += m_walker.prefetch_entries(miss.context, miss.address, m_levels, cycle);
    return std::nullopt;
}

} // namespace pagewalk::models
