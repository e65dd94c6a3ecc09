#include "models/mmu/design/victima.h"

#include <algorithm>

namespace pagewalk::models {

void VictimaConfig::declare(OptionGroup group) {
    group.number("costly_walk", costly_walk, {0, 100'000},
                 {Unit::Cycles, "latency from which on a walk's translation is kept in L2", "assumed"});
}

void VictimaStats::declare(StatGroup group) const {
    group.counter("fills", fills, "count", "blocks of translations that came into L2");
    group.counter("cheap_walks", cheap_walks, "count", "walks whose translation was not worth a line of L2");
    group.counter("invalidations", invalidations, "count", "blocks dropped by invalidation");
}

Victima::Victima(const DesignParts& parts)
    : m_caches(parts.caches), m_walker(parts.walker), m_costly_walk(parts.config.design.victima.costly_walk),
      m_most_kept(2 * parts.caches.l2_lines()) {
    m_kept.reserve(m_most_kept + 1);
}

Victima::Block Victima::block_of(const TlbMiss& miss) {
    const VirtAddr start(miss.address.value() & ~(pages * page_size - 1));
    const PageTag first(start, PageSize::Page4K, miss.context.pcid);
    return {first, first.page() / pages | std::uint64_t{first.pcid()} << 33};
}

std::optional<TlbEntry> Victima::find(const TlbMiss& miss, Cycles& cycle) {
    const PrivateHierarchy::Translations look_up = m_caches.find_translations(block_of(miss).number, cycle);
    cycle = look_up.known;
    if (!look_up.found) return std::nullopt;
    std::optional<TlbEntry> entry = m_walker.peek(miss.context, miss.address);
    if (!entry || entry->size != PageSize::Page4K) return std::nullopt;
    entry->ready = cycle;
    return entry;
}

void Victima::walked(const TlbMiss& miss, const WalkResult& result) {
    if (result.faulted || result.entry.size != PageSize::Page4K) return;
    if (result.entry.ready < miss.cycle + m_costly_walk) {
        ++m_stats.cheap_walks;
        return;
    }
    const Block block = block_of(miss);
    if (!m_caches.keep_translations(block.number, result.entry.ready)) return;
    ++m_stats.fills;
    m_kept.push_back(block);
    if (m_kept.size() > m_most_kept) forget_evicted();
}

void Victima::forget_evicted() {
    std::ranges::sort(m_kept, {}, &Block::number);
    const auto again = std::ranges::unique(m_kept, {}, &Block::number);
    m_kept.erase(again.begin(), again.end());
    std::erase_if(m_kept, [this](const Block& block) { return !m_caches.has_translations(block.number); });
}

std::uint64_t Victima::invalidate(const TlbInvalidation& invalidation) {
    std::uint64_t dropped = 0;
    std::erase_if(m_kept, [&](const Block& block) {
        bool covered = false;
        for (std::uint64_t i = 0; i < pages; ++i)
            covered = covered || covers(invalidation, block.first.neighbour(i));
        if (covered && m_caches.drop_translations(block.number)) ++dropped;
        return covered;
    });
    m_stats.invalidations += dropped;
    return dropped;
}

} // namespace pagewalk::models
