#include "models/mmu/tlb.h"

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

Tlb::Tlb(const TlbConfig& config)
    : m_ways(config.entries == 0 ? 0 : config.ways),
      m_set_mask(config.entries == 0 ? 0 : config.entries / config.ways - 1), m_tags(config.entries),
      m_used(config.entries), m_entries(config.entries) {}

void Tlb::insert(VirtAddr address, std::uint16_t pcid, const TlbEntry& entry) {
    if (m_ways == 0) return;
    const std::uint64_t tag = tag_of(address, entry.size, pcid);
    const std::size_t base = set_of(address, entry.size);
    std::size_t victim = base;
    for (std::size_t slot = base; slot < base + m_ways; ++slot) {
        if (m_tags[slot] == tag) {
            victim = slot;
            break;
        }
        if (m_used[slot] < m_used[victim]) victim = slot;
    }
    if (m_tags[victim] != 0 && m_tags[victim] != tag) ++m_stats.evictions;
    m_tags[victim] = tag;
    m_used[victim] = ++m_clock;
    m_entries[victim] = entry;
}

bool covers(const TlbInvalidation& invalidation, std::uint64_t tag) {
    if (invalidation.scope == TlbInvalidation::Scope::All) return true;
    const std::uint64_t space = tag >> 2 & 0xfff;
    const PageSize size = static_cast<PageSize>((tag & 3) - 1);
    const bool kernel = space == 0xfff;
    if (invalidation.scope == TlbInvalidation::Scope::AddressSpace)
        return !kernel && space == invalidation.pcid;
    if (kernel != kernel_layout::is_kernel(invalidation.start)) return false;
    if (!kernel && space != invalidation.pcid) return false;
    const std::uint64_t start = (tag >> 14) << shift_of(size);
    const std::uint64_t mask = 0xffffffffffffULL;
    return start < (invalidation.end.value() & mask) &&
           start + (1ULL << shift_of(size)) > (invalidation.start.value() & mask);
}

std::uint64_t Tlb::invalidate(const TlbInvalidation& invalidation) {
    std::uint64_t dropped = 0;
    auto drop = [&](std::size_t slot) {
        m_tags[slot] = 0;
        m_used[slot] = 0;
        ++dropped;
    };
    const bool range = invalidation.scope == TlbInvalidation::Scope::Range;
    const std::uint64_t pages = range ? (invalidation.end - invalidation.start) >> page_shift : ~0ULL;
    if (range && pages * page_size_count < m_tags.size() / (m_ways == 0 ? 1 : m_ways)) {
        // Few pages: look at their sets only.
        for (std::uint64_t page = 0; page < pages; ++page)
            for (std::size_t size = 0; size < page_size_count; ++size) {
                const VirtAddr address = invalidation.start + (page << page_shift);
                const std::size_t base = set_of(address, static_cast<PageSize>(size));
                const std::uint64_t tag = tag_of(address, static_cast<PageSize>(size), invalidation.pcid);
                for (std::size_t slot = base; slot < base + m_ways; ++slot)
                    if (m_tags[slot] == tag) drop(slot);
            }
    } else {
        for (std::size_t slot = 0; slot < m_tags.size(); ++slot)
            if (m_tags[slot] != 0 && covers(invalidation, m_tags[slot])) drop(slot);
    }
    m_stats.invalidations += dropped;
    return dropped;
}

} // namespace pagewalk::models
