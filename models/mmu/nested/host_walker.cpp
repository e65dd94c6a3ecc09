#include "models/mmu/nested/host_walker.h"

namespace pagewalk::models {

void HostWalkerStats::declare(StatGroup group) const {
    group.counter("walks", walks, "count", "walks of the host's tables: misses of the nested TLB");
    group.counter("references", references, "count", "entries of the host's tables read");
    group.counter("violations", violations, "count",
                  "EPT violations: walks that found no host page, which the hypervisor backed then");
    group.ratio("references_mean", "references", "walks", 1, "count", "mean references of a host walk");
}

HostWalk HostWalker::walk(PhysAddr guest) {
    HostWalk walk;
    const VirtAddr address(guest.value());
    const PageTag tag(address, m_tables.pages(), 0);
    if (m_tlb.find(tag) != nullptr) return walk;
    m_tlb.count_miss();
    ++m_stats.walks;
    if (!m_tables.backs(guest)) {
        m_tables.back(guest);
        walk.violated = true;
        ++m_stats.violations;
    }
    WalkCache::Start at = m_walk_cache.find(address, 0, m_tables.root(), HostTables::levels);
    for (;; --at.level) {
        const std::size_t index = table_index(address, at.level);
        walk.references[walk.count++] = address_of(at.table) + index * sizeof(PageTableEntry);
        if (at.level == m_tables.leaf_level()) break;
        at.table = m_tables.tables().table(at.table)[index].frame();
        m_walk_cache.insert(address, 0, at.level, at.table);
    }
    m_stats.references += walk.count;
    m_tlb.insert(tag, {.size = m_tables.pages()});
    return walk;
}

void HostWalker::declare(StatGroup group) const {
    m_stats.declare(group);
    m_tlb.stats().declare(group.group("tlb"));
    m_walk_cache.stats().declare(group.group("walk_cache"));
}

} // namespace pagewalk::models
