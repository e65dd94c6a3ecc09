#include "models/mmu/design/coalesced_tlb.h"

#include <algorithm>
#include <bit>
#include <span>

namespace pagewalk::models {

void CoalescedTlbConfig::declare(OptionGroup group) {
    tlb.declare(group, "coalesced TLB, which holds all 4 KiB pages in place of mmu.l2_tlb", "as mmu.l2_tlb");
    group.number("pages", pages, {2, 8, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "pages of an aligned group that an entry may hold",
                  "Pham et al., MICRO 2012: 8, a line of page-table entries"});
}

void CoalescedTlbStats::declare(StatGroup group) const {
    group.counter("fills", fills, "count", "runs of pages that came in");
    group.counter("merges", merges, "count", "of these, into an entry that had others of their run");
    group.counter("evictions", evictions, "count", "entries replaced by others");
    group.counter("invalidations", invalidations, "count", "pages dropped by invalidation");
}

CoalescedTlb::CoalescedTlb(const DesignParts& parts)
    : m_walker(parts.walker), m_group(parts.config.design.coalesced_tlb.pages),
      m_ways(parts.config.design.coalesced_tlb.tlb.ways),
      m_set_mask(parts.config.design.coalesced_tlb.tlb.entries / m_ways - 1),
      m_runs(parts.config.design.coalesced_tlb.tlb.entries) {}

CoalescedTlb::Run* CoalescedTlb::search(const TlbMiss& miss) {
    const VirtAddr first = first_of(miss.address);
    const PageTag group(first, PageSize::Page4K, miss.context.pcid);
    for (Run& run : std::span(set_of(first), m_ways))
        if (run.group == group && (run.pages >> place_of(miss.address) & 1) != 0) return &run;
    return nullptr;
}

// Parallel to the second level's look-up, whose latency has passed.
std::optional<TlbEntry> CoalescedTlb::find(const TlbMiss& miss, Cycles& cycle) {
    Run* const run = search(miss);
    if (run == nullptr) return std::nullopt;
    run->used = ++m_clock;
    return TlbEntry{.frame = run->frame + place_of(miss.address),
                    .ready = std::max(cycle, run->ready),
                    .size = PageSize::Page4K,
                    .writable = run->writable,
                    .dirty = run->dirty,
                    .executable = run->executable};
}

CoalescedTlb::Run CoalescedTlb::run_around(const TlbMiss& miss, const TlbEntry& entry) {
    const VirtAddr first = first_of(miss.address);
    const std::uint64_t frame = entry.frame - place_of(miss.address);
    Run run{{first, PageSize::Page4K, miss.context.pcid},
            0,
            frame,
            entry.ready,
            0,
            entry.writable,
            entry.dirty,
            entry.executable};
    for (std::uint64_t i = 0; i < m_group; ++i) {
        if (i == place_of(miss.address)) {
            run.pages |= 1U << i;
            continue;
        }
        const std::optional<TlbEntry> other = m_walker.peek(miss.context, first + i * page_size);
        if (other && other->size == PageSize::Page4K && other->frame == frame + i &&
            other->writable == entry.writable && other->dirty == entry.dirty &&
            other->executable == entry.executable)
            run.pages |= 1U << i;
    }
    return run;
}

TranslationDesign::Home CoalescedTlb::fill(const TlbMiss& miss, const TlbEntry& entry) {
    if (entry.size != PageSize::Page4K) return Home::SecondLevel;
    if (const Run* const held = search(miss);
        held != nullptr && held->frame + place_of(miss.address) == entry.frame && held->dirty == entry.dirty)
        return Home::Design; // find() gave it
    Run run = run_around(miss, entry);
    ++m_stats.fills;
    run.used = ++m_clock;
    const std::span<Run> set(set_of(first_of(miss.address)), m_ways);
    Run* place = &set[0];
    for (Run& other : set) {
        if (other.group == run.group) {
            // A page is in one run alone; a run of which nothing else is left makes room.
            const bool same = other.frame == run.frame && other.writable == run.writable &&
                              other.dirty == run.dirty && other.executable == run.executable;
            other.pages &= same ? ~0U : ~run.pages;
            if (same) {
                ++m_stats.merges;
                run.pages |= other.pages;
                place = &other;
                break;
            }
            if (other.pages == 0) other = {};
        }
        if (other.used < place->used) place = &other;
    }
    if (place->pages != 0 && place->group != run.group) ++m_stats.evictions;
    *place = run;
    m_run_pages.add(static_cast<std::uint64_t>(std::popcount(run.pages)));
    return Home::Design;
}

std::uint64_t CoalescedTlb::invalidate(const TlbInvalidation& invalidation) {
    std::uint64_t dropped = 0;
    for (Run& run : m_runs)
        for (std::uint64_t i = 0; run.pages >> i != 0; ++i) {
            if ((run.pages >> i & 1) == 0 || !covers(invalidation, run.group.neighbour(i))) continue;
            run.pages &= ~(1U << i);
            ++dropped;
        }
    for (Run& run : m_runs)
        if (run.pages == 0) run = {};
    m_stats.invalidations += dropped;
    return dropped;
}

void CoalescedTlb::declare(StatGroup group) const {
    group = group.group("coalesced_tlb");
    m_stats.declare(group);
    group.histogram("run_pages", m_run_pages, "count",
                    "pages of the runs that came in, merged ones included");
}

} // namespace pagewalk::models
