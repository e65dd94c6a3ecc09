#include "models/mmu/walk_cache.h"

#include "contract/canonical_half.h"
#include "contract/page_table.h"

namespace pagewalk::models {

void WalkCacheStats::declare(StatGroup group) const {
    group.counter("pde_hits", hits[0], "count", "walks that read the last level only");
    group.counter("pdpte_hits", hits[1], "count", "walks that began at level 2");
    group.counter("pml4e_hits", hits[2], "count", "walks that began at level 3");
    group.counter("pml5e_hits", hits[3], "count", "walks that began at level 4 of a 5-level table");
    group.counter("misses", root, "count", "walks that began at the root");
}

WalkCache::WalkCache(const WalkCacheConfig& config) {
    for (std::size_t i = 0; i < m_levels.size(); ++i) {
        if (config.entries[i] == 0) continue;
        m_levels[i].ways = config.ways[i];
        m_levels[i].set_mask = config.entries[i] / config.ways[i] - 1;
        m_levels[i].tags.resize(config.entries[i]);
        m_levels[i].used.resize(config.entries[i]);
        m_levels[i].tables.resize(config.entries[i]);
        m_levels[i].rights.resize(config.entries[i]);
    }
}

std::uint64_t WalkCache::tag_of(VirtAddr address, unsigned level, std::uint16_t pcid) {
    const std::uint64_t page = (address.value() & 0x1ffffffffffffffULL) >> (page_shift + 9 * (level - 1));
    const std::uint64_t space = is_upper_half(address) ? 0xfff : pcid;
    return page << 13 | space << 1 | 1;
}

WalkCache::Start WalkCache::find(VirtAddr address, std::uint16_t pcid, Pfn root, unsigned levels) {
    for (unsigned level = 2; level <= levels; ++level) {
        Level& cache = m_levels[level - 2];
        if (cache.ways == 0) continue;
        const std::uint64_t tag = tag_of(address, level, pcid);
        const std::size_t base =
            static_cast<std::size_t>((address.value() >> (page_shift + 9 * (level - 1))) & cache.set_mask) *
            cache.ways;
        for (std::size_t slot = base; slot < base + cache.ways; ++slot)
            if (cache.tags[slot] == tag) {
                cache.used[slot] = ++m_clock;
                ++m_stats.hits[level - 2];
                return {cache.tables[slot], level - 1, cache.rights[slot]};
            }
    }
    ++m_stats.root;
    return {root, levels, {}};
}

void WalkCache::insert(VirtAddr address, std::uint16_t pcid, unsigned level, Pfn table, UpperRights rights) {
    Level& cache = m_levels[level - 2];
    if (cache.ways == 0) return;
    const std::size_t base =
        static_cast<std::size_t>((address.value() >> (page_shift + 9 * (level - 1))) & cache.set_mask) *
        cache.ways;
    const std::uint64_t tag = tag_of(address, level, pcid);
    std::size_t victim = base;
    for (std::size_t slot = base; slot < base + cache.ways; ++slot) {
        if (cache.tags[slot] == tag) {
            victim = slot;
            break;
        }
        if (cache.used[slot] < cache.used[victim]) victim = slot;
    }
    cache.tags[victim] = tag;
    cache.used[victim] = ++m_clock;
    cache.tables[victim] = table;
    cache.rights[victim] = rights;
}

void WalkCache::invalidate(const TlbInvalidation& invalidation) {
    for (unsigned level = 2; level < 2 + m_levels.size(); ++level) {
        Level& cache = m_levels[level - 2];
        for (std::size_t slot = 0; slot < cache.tags.size(); ++slot) {
            const std::uint64_t tag = cache.tags[slot];
            if (tag == 0) continue;
            const bool kernel = (tag >> 1 & 0xfff) == 0xfff;
            bool dropped = invalidation.scope == TlbInvalidation::Scope::All;
            if (!dropped && !kernel && (tag >> 1 & 0xfff) == invalidation.pcid) {
                const std::uint64_t start = (tag >> 13) << (page_shift + 9 * (level - 1));
                dropped = invalidation.scope == TlbInvalidation::Scope::AddressSpace ||
                          (start < invalidation.end.value() &&
                           start + level_span(level) > invalidation.start.value());
            }
            if (!dropped && kernel && invalidation.scope == TlbInvalidation::Scope::Range &&
                is_upper_half(invalidation.start))
                dropped = true;
            if (dropped) cache.tags[slot] = cache.used[slot] = 0;
        }
    }
}

} // namespace pagewalk::models
