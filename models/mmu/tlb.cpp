#include "models/mmu/tlb.h"

#include "models/cache/four_times.h"

#include <algorithm>
#include <bit>

namespace pagewalk::models {

void TlbConfig::declare(OptionGroup group, const std::string& what, const std::string& source) {
    group.number("entries", entries, {0, 65536},
                 {Unit::Count, "entries of the " + what + " (0: none)", source});
    group.number("ways", ways, {1, 65536}, {Unit::Count, "associativity of the " + what, source});
}

void TlbConfig::validate(const OptionSet& options, const std::string& section) const {
    if (entries == 0) return;
    if (entries % ways != 0 || !std::has_single_bit(entries / ways))
        throw ConfigError(options.where(section + ".entries"), section + ".entries", std::to_string(entries),
                          "entries / ways (" + std::to_string(ways) + ") must be a power of two sets");
}

void TlbStats::declare(StatGroup group) const {
    group.counter("hits", hits, "count", "look-ups that found their translation");
    group.counter("misses", misses, "count", "look-ups that did not");
    group.counter("evictions", evictions, "count", "translations replaced by others");
    group.counter("invalidations", invalidations, "count", "translations dropped by invalidation");
}

Tlb::Tlb(const TlbConfig& config, TlbReplacementKind replacement)
    : m_ways(config.entries == 0 ? 0 : config.ways), m_stride((m_ways + 3) / 4 * 4),
      m_blocks((m_ways + 15) / 16), m_set_mask(config.entries == 0 ? 0 : config.entries / config.ways - 1),
      m_fingerprints((m_set_mask + 1) * m_blocks), m_recent(m_set_mask + 1),
      m_slots((m_set_mask + 1) * m_stride + spare_slots), m_used((m_set_mask + 1) * m_stride, never) {
    for (std::size_t set = 0; set < m_recent.size(); ++set) {
        m_recent[set] = &m_slots[set * m_stride];
        std::fill_n(m_used.data() + set * m_stride, m_ways, 0);
    }
    if (present()) m_policy = make_tlb_replacement(replacement, {m_slots.size(), m_ways});
}

Tlb::Slot* Tlb::search_blocks(std::size_t set, PageTag tag) {
    for (std::size_t block = 0; block < m_blocks; ++block)
        if (Slot* const slot = search_block(set, block, tag)) return slot;
    return nullptr;
}

[[gnu::noinline]] void Tlb::note_hit(const Slot* slot) { m_policy->hit(index_of(slot)); }

// Of a set without a free way, by the policy.
std::size_t Tlb::victim_way(std::size_t set) {
    const std::size_t first = set * m_stride;
    return m_policy->victim(first, std::span<const std::int64_t>(&m_used[first], m_ways));
}

void Tlb::insert(PageTag tag, const TlbEntry& entry, std::optional<TaggedTlbEntry>* evicted) {
    if (m_ways == 0) return;
    const std::size_t set = set_of(tag);
    Slot* slot = search(set, tag);
    if (slot == nullptr) {
        // What the least recent way holds is known from when it was used: its slot is written, not read.
        IndexedTime oldest = earliest_of(&m_used[set * m_stride], m_stride);
        if (oldest.time != 0) {
            if (m_policy != nullptr) [[unlikely]] {
                oldest.index = victim_way(set);
                oldest.time = m_used[set * m_stride + oldest.index];
            }
            if (evicted != nullptr) [[unlikely]]
                *evicted = m_slots[set * m_stride + oldest.index];
            ++m_stats.evictions;
            --m_held[static_cast<std::size_t>(oldest.time) % PageTag::kinds];
        }
        ++m_held[tag.kind()];
        m_fingerprints[set * m_blocks + oldest.index / 16].ways[oldest.index % 16] = fingerprint(tag);
        slot = &m_slots[set * m_stride + oldest.index];
        slot->tag = tag;
        if (m_policy != nullptr) [[unlikely]]
            m_policy->filled(index_of(slot));
    }
    slot->entry = entry;
    touch(set, slot, tag);
}

void Tlb::drop(Slot& slot) {
    --m_held[slot.tag.kind()];
    slot.tag = {};
    m_used[index_of(&slot)] = 0;
}

std::optional<TlbEntry> Tlb::take(PageTag tag) {
    if (m_ways == 0 || m_held[tag.kind()] == 0) return std::nullopt;
    Slot* const slot = search(set_of(tag), tag);
    if (slot == nullptr) return std::nullopt;
    const TlbEntry entry = slot->entry;
    drop(*slot);
    return entry;
}

bool covers(const TlbInvalidation& invalidation, PageTag tag) {
    if (invalidation.scope == TlbInvalidation::Scope::All) return true;
    if (invalidation.scope == TlbInvalidation::Scope::AddressSpace)
        return !tag.kernel() && tag.pcid() == invalidation.pcid;
    if (tag.kernel() != is_upper_half(invalidation.start)) return false;
    if (!tag.kernel() && tag.pcid() != invalidation.pcid) return false;
    const std::uint64_t start = tag.page() << shift_of(tag.size());
    const std::uint64_t mask = 0xffffffffffffULL;
    return start < (invalidation.end.value() & mask) &&
           start + (1ULL << shift_of(tag.size())) > (invalidation.start.value() & mask);
}

std::uint64_t Tlb::invalidate(const TlbInvalidation& invalidation) {
    std::uint64_t dropped = 0;
    const bool range = invalidation.scope == TlbInvalidation::Scope::Range;
    const std::uint64_t pages = range ? (invalidation.end - invalidation.start) >> page_shift : ~0ULL;
    if (range && pages * page_size_count < m_recent.size()) {
        // Few pages: look at their sets only.
        for (std::uint64_t page = 0; page < pages; ++page)
            for (const PageSize size : {PageSize::Page4K, PageSize::Page2M, PageSize::Page1G}) {
                const PageTag tag(invalidation.start + (page << page_shift), size, invalidation.pcid);
                if (m_held[tag.kind()] == 0) continue;
                Slot* const slot = search(set_of(tag), tag);
                if (slot == nullptr) continue;
                drop(*slot);
                ++dropped;
            }
    } else {
        for (Slot& slot : m_slots)
            if (slot.tag.valid() && covers(invalidation, slot.tag)) {
                drop(slot);
                ++dropped;
            }
    }
    m_stats.invalidations += dropped;
    return dropped;
}

} // namespace pagewalk::models
