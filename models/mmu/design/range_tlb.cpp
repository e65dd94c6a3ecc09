#include "models/mmu/design/range_tlb.h"

#include "contract/canonical_half.h"

#include <algorithm>

namespace pagewalk::models {
namespace {

std::uint64_t bytes_of(PageSize size) { return 1ULL << shift_of(size); }

VirtAddr start_of_page(VirtAddr address, PageSize size) {
    return VirtAddr(address.value() & ~(bytes_of(size) - 1));
}

bool same_rights(const TlbEntry& a, const TlbEntry& b) {
    return a.writable == b.writable && a.executable == b.executable;
}

} // namespace

void RangeTlbConfig::declare(OptionGroup group) {
    group.number("entries", entries, {1, 4096},
                 {Unit::Count, "ranges that the range TLB holds", "Karakostas et al., ISCA 2015: 32"});
    group.number("walk_cycles", walk, {0, 100'000},
                 {Unit::Cycles, "cycles of a range table's walk, after that of the page table",
                  "assumed: two levels of a tree that the L2 cache holds"});
}

void RangeTlbStats::declare(StatGroup group) const {
    group.counter("fills", fills, "count", "ranges that came in");
    group.counter("invalidations", invalidations, "count", "ranges dropped by invalidation");
}

RangeTlb::RangeTlb(const DesignParts& parts)
    : m_walker(parts.walker), m_walk_cycles(parts.config.design.range_tlb.walk),
      m_ranges(parts.config.design.range_tlb.entries) {}

RangeTlb::Range* RangeTlb::search(const TlbMiss& miss) {
    for (Range& range : m_ranges)
        if (range.used != 0 && miss.address >= range.start && miss.address < range.end &&
            (range.pcid == miss.context.pcid || is_upper_half(miss.address)))
            return &range;
    return nullptr;
}

// Beside the second level's look-up, whose latency has passed.
std::optional<TlbEntry> RangeTlb::find(const TlbMiss& miss, Cycles& cycle) {
    Range* const range = search(miss);
    if (range == nullptr) return std::nullopt;
    std::optional<TlbEntry> entry = m_walker.peek(miss.context, miss.address);
    if (!entry) return std::nullopt;
    range->used = ++m_clock;
    entry->ready = std::max(cycle, range->ready);
    return entry;
}

TranslationDesign::Home RangeTlb::fill(const TlbMiss& miss, const TlbEntry&) {
    return search(miss) == nullptr ? Home::SecondLevel : Home::Design;
}

VirtAddr RangeTlb::end_of(const TlbMiss& miss, const TlbEntry& entry) const {
    VirtAddr at = start_of_page(miss.address, entry.size) + bytes_of(entry.size);
    std::uint64_t frame = entry.frame + (bytes_of(entry.size) >> page_shift);
    for (std::uint64_t i = 0; i < most_entries && is_upper_half(at) == is_upper_half(miss.address); ++i) {
        const std::optional<TlbEntry> next = m_walker.peek(miss.context, at);
        if (!next || next->frame != frame || start_of_page(at, next->size) != at ||
            !same_rights(*next, entry))
            break;
        at = at + bytes_of(next->size);
        frame += bytes_of(next->size) >> page_shift;
    }
    return at;
}

VirtAddr RangeTlb::start_of(const TlbMiss& miss, const TlbEntry& entry) const {
    VirtAddr at = start_of_page(miss.address, entry.size);
    std::uint64_t frame = entry.frame;
    for (std::uint64_t i = 0; i < most_entries && at.value() >= page_size; ++i) {
        const VirtAddr before = at - page_size;
        if (is_upper_half(before) != is_upper_half(miss.address)) break;
        const std::optional<TlbEntry> last = m_walker.peek(miss.context, before);
        if (!last || last->frame + (bytes_of(last->size) >> page_shift) != frame ||
            !same_rights(*last, entry))
            break;
        at = start_of_page(before, last->size);
        frame = last->frame;
    }
    return at;
}

RangeTlb::Range* RangeTlb::range_before(const TlbMiss& miss, const TlbEntry& entry) {
    const VirtAddr start = start_of_page(miss.address, entry.size);
    for (Range& range : m_ranges)
        if (range.used != 0 && range.end == start && range.frame_after == entry.frame &&
            range.writable == entry.writable && range.executable == entry.executable &&
            (range.pcid == miss.context.pcid || is_upper_half(start)))
            return &range;
    return nullptr;
}

// A program that touches its memory from end to end lengthens a range page by page, which is not searched
// anew each time.
void RangeTlb::walked(const TlbMiss& miss, const WalkResult& result) {
    if (result.faulted || search(miss) != nullptr) return;
    Range* const before = range_before(miss, result.entry);
    const VirtAddr start = before != nullptr ? before->start : start_of(miss, result.entry);
    const VirtAddr end = end_of(miss, result.entry);
    const VirtAddr page = start_of_page(miss.address, result.entry.size);
    Range& range = before != nullptr ? *before : *std::ranges::min_element(m_ranges, {}, &Range::used);
    range = {.start = start,
             .end = end,
             .frame_after = result.entry.frame + ((end - page) >> page_shift),
             .used = ++m_clock,
             .ready = result.entry.ready + m_walk_cycles,
             .pcid = miss.context.pcid,
             .writable = result.entry.writable,
             .executable = result.entry.executable};
    ++m_stats.fills;
    m_range_pages.add((range.end - range.start) >> page_shift);
}

std::uint64_t RangeTlb::invalidate(const TlbInvalidation& invalidation) {
    using Scope = TlbInvalidation::Scope;
    std::uint64_t dropped = 0;
    for (Range& range : m_ranges) {
        if (range.used == 0) continue;
        const bool global = is_upper_half(range.start);
        bool covered = invalidation.scope == Scope::All;
        if (!covered && (global || range.pcid == invalidation.pcid))
            covered = invalidation.scope == Scope::Range
                          ? range.start < invalidation.end && invalidation.start < range.end
                          : !global;
        if (!covered) continue;
        range = {};
        ++dropped;
    }
    m_stats.invalidations += dropped;
    return dropped;
}

void RangeTlb::declare(StatGroup group) const {
    group = group.group("range_tlb");
    m_stats.declare(group);
    group.histogram("range_pages", m_range_pages, "count", "pages of 4 KiB of the ranges that came in");
}

} // namespace pagewalk::models
