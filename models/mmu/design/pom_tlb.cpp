#include "models/mmu/design/pom_tlb.h"

#include <algorithm>
#include <span>

namespace pagewalk::models {

void PomTlbConfig::declare(OptionGroup group) {
    group.number("size", size, {1ULL << 16, 1ULL << 32, OptionRange::Shape::PowerOfTwo},
                 {Unit::Bytes,
                  "memory for each CPU's part-of-memory TLB, taken from the end of the machine's memory",
                  "Ryoo et al., ISCA 2017: 16 MiB"});
}

void PomTlbStats::declare(StatGroup group) const {
    group.counter("second_look_ups", second_look_ups, "count",
                  "look-ups that did not find the page in the half that was read first");
    group.counter("fills", fills, "count", "translations written after a walk");
    group.counter("invalidations", invalidations, "count", "translations dropped by invalidation");
}

PomTlb::PomTlb(const DesignParts& parts) : m_caches(parts.caches) {
    const PomTlbConfig& config = parts.config.design.pom_tlb;
    const std::uint64_t lines = config.size / 2 / line_size;
    const PhysAddr base(config.base + index_of(parts.cpu) * config.size);
    for (std::size_t i = 0; i < m_halves.size(); ++i)
        m_halves[i] = {base + i * config.size / 2, lines - 1, std::vector<TaggedTlbEntry>(lines * ways)};
}

TaggedTlbEntry* PomTlb::search(Half& half, PageTag tag) {
    const std::span<TaggedTlbEntry> set(&half.entries[half.set_of(tag) * ways], ways);
    const auto found = std::ranges::find(set, tag, &TaggedTlbEntry::tag);
    return found == set.end() ? nullptr : &*found;
}

std::optional<TlbEntry> PomTlb::find(const TlbMiss& miss, Cycles& cycle) {
    bool& large = predicts_large(miss.address);
    std::array sizes{PageSize::Page4K, PageSize::Page2M};
    if (large) std::swap(sizes[0], sizes[1]);
    for (const PageSize size : sizes) {
        if (size == sizes[1]) ++m_stats.second_look_ups;
        const PageTag tag = miss.tag(size);
        Half& half = half_of(size);
        cycle = m_caches.walk(half.line_of(tag), cycle).ready;
        if (const TaggedTlbEntry* const found = search(half, tag)) {
            large = size == PageSize::Page2M;
            TlbEntry entry = found->entry;
            entry.ready = std::max(entry.ready, cycle);
            return entry;
        }
    }
    return std::nullopt;
}

void PomTlb::walked(const TlbMiss& miss, const WalkResult& result) {
    if (result.faulted || result.entry.size == PageSize::Page1G) return;
    const PageTag tag = miss.tag(result.entry.size);
    Half& half = half_of(result.entry.size);
    TaggedTlbEntry* place = search(half, tag);
    const std::span<TaggedTlbEntry> set(&half.entries[half.set_of(tag) * ways], ways);
    if (place == nullptr) {
        const auto free = std::ranges::find_if(set, [](const auto& slot) { return !slot.tag.valid(); });
        place = free != set.end() ? &*free : &set[m_next_way++ % ways];
    }
    *place = {tag, result.entry};
    predicts_large(miss.address) = result.entry.size == PageSize::Page2M;
    ++m_stats.fills;
    (void)m_caches.store(half.line_of(tag), result.entry.ready, VirtAddr());
}

std::uint64_t PomTlb::drop_pages(PageSize size, const TlbInvalidation& invalidation) {
    Half& half = half_of(size);
    const auto drop = [&](TaggedTlbEntry& slot) -> std::uint64_t {
        if (!slot.tag.valid() || !covers(invalidation, slot.tag)) return 0;
        slot = {};
        return 1;
    };
    std::uint64_t dropped = 0;
    const std::uint64_t bytes = 1ULL << shift_of(size);
    const std::uint64_t pages = (invalidation.end - invalidation.start) / bytes + 1;
    if (invalidation.scope != TlbInvalidation::Scope::Range || pages >= half.set_mask) {
        for (TaggedTlbEntry& slot : half.entries) dropped += drop(slot);
        return dropped;
    }
    for (std::uint64_t i = 0; i <= pages; ++i)
        if (TaggedTlbEntry* const slot =
                search(half, {invalidation.start + i * bytes, size, invalidation.pcid}))
            dropped += drop(*slot);
    return dropped;
}

std::uint64_t PomTlb::invalidate(const TlbInvalidation& invalidation) {
    const std::uint64_t dropped =
        drop_pages(PageSize::Page4K, invalidation) + drop_pages(PageSize::Page2M, invalidation);
    m_stats.invalidations += dropped;
    return dropped;
}

} // namespace pagewalk::models
