#include "models/mmu/design/victim_tlb.h"

#include <algorithm>

namespace pagewalk::models {

void VictimTlbConfig::declare(OptionGroup group) {
    tlb.declare(group, "victim TLB: translations that the second level has dropped", "assumed");
    group.number("latency", latency, {0, 100}, {Unit::Cycles, "cycles that its look-up adds", "assumed"});
}

std::optional<TlbEntry> VictimTlb::find(const TlbMiss& miss, Cycles& cycle) {
    cycle += m_latency;
    for (const PageSize size : {PageSize::Page4K, PageSize::Page2M, PageSize::Page1G})
        if (std::optional<TlbEntry> entry = m_tlb.take(miss.tag(size))) {
            m_tlb.count_hit();
            entry->ready = std::max(entry->ready, cycle);
            return entry;
        }
    m_tlb.count_miss();
    return std::nullopt;
}

} // namespace pagewalk::models
