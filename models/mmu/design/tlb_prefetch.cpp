#include "models/mmu/design/tlb_prefetch.h"

#include "contract/canonical_half.h"

#include <algorithm>
#include <utility>

namespace pagewalk::models {

void TlbPrefetchConfig::declare(OptionGroup group) {
    const char* const source = "Vavouliotis et al., ISCA 2021: 64 entries, 2 cycles";
    buffer.declare(group.group("buffer"), "buffer of prefetched translations", source);
    group.number("latency", latency, {0, 100},
                 {Unit::Cycles, "cycles that a look-up in the buffer adds", source});
    group.number("degree", degree, {1, WantedPages::most},
                 {Unit::Count, "pages a miss that the sequential and the stride prefetcher want",
                  "Kandiraju and Sivasubramaniam, ISCA 2002"});
    group.number("table", table, {1, 65536},
                 {Unit::Count,
                  "rows of the stride and the distance prefetcher's table, or of the free one's sampler",
                  "Vavouliotis et al., ISCA 2021: 64"});
}

void TlbPrefetchStats::declare(StatGroup group) const {
    group.counter("prefetches", prefetches, "count", "translations brought into the buffer");
    group.counter("useful", useful, "count", "of these, wanted later");
    group.counter("late", late, "count", "of the useful, wanted before their walk was done");
    group.counter("not_mapped", not_mapped, "count",
                  "prefetches that found no page, or no walker that was free");
    group.ratio("accuracy", "useful", "prefetches", 1, "1",
                "share of the prefetched translations wanted later");
}

TlbPrefetch::TlbPrefetch(const DesignParts& parts, std::unique_ptr<TlbPrefetcher> prefetcher)
    : m_walker(parts.walker), m_tlbs(parts.tlbs), m_prefetcher(std::move(prefetcher)),
      m_latency(parts.config.design.prefetch.latency), m_buffer(parts.config.design.prefetch.buffer) {}

std::optional<TlbEntry> TlbPrefetch::find(const TlbMiss& miss, Cycles& cycle) {
    cycle += m_latency;
    for (const PageSize size : {PageSize::Page4K, PageSize::Page2M, PageSize::Page1G})
        if (std::optional<TlbEntry> entry = m_buffer.take(miss.tag(size))) {
            ++m_stats.useful;
            if (entry->ready > cycle) ++m_stats.late;
            entry->ready = std::max(entry->ready, cycle);
            m_buffer.count_hit();
            prefetch(miss, TlbPrefetcher::ServedBy::Buffer, cycle);
            return entry;
        }
    m_buffer.count_miss();
    return std::nullopt;
}

void TlbPrefetch::walked(const TlbMiss& miss, const WalkResult& result) {
    if (!result.faulted) prefetch(miss, TlbPrefetcher::ServedBy::Walk, result.entry.ready);
}

void TlbPrefetch::prefetch(const TlbMiss& miss, TlbPrefetcher::ServedBy served, Cycles cycle) {
    const WantedPages wanted = m_prefetcher->train(miss, served);
    for (const std::uint64_t page : wanted.pages())
        if (const VirtAddr address = address_of_page(page);
            is_upper_half(address) == is_upper_half(miss.address))
            bring(miss, address, cycle);
}

void TlbPrefetch::bring(const TlbMiss& miss, VirtAddr address, Cycles cycle) {
    const std::uint16_t pcid = miss.context.pcid;
    for (const PageSize size : {PageSize::Page4K, PageSize::Page2M}) {
        const PageTag tag(address, size, pcid);
        if (m_tlbs.l2.contains(tag) || m_buffer.contains(tag)) return;
    }
    std::optional<TlbEntry> entry;
    if (m_prefetcher->source() == TlbPrefetcher::Source::Walk) {
        entry = m_walker.walk_ahead(miss.context, address, cycle);
    } else {
        entry = m_walker.peek(miss.context, address);
        if (entry) entry->ready = cycle;
    }
    if (!entry) {
        ++m_stats.not_mapped;
        return;
    }
    ++m_stats.prefetches;
    m_buffer.insert(address, pcid, *entry);
}

void TlbPrefetch::declare(StatGroup group) const {
    m_stats.declare(group.group("tlb_prefetch"));
    m_buffer.stats().declare(group.group("tlb_prefetch").group("buffer"));
}

} // namespace pagewalk::models
