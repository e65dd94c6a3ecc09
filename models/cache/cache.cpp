#include "models/cache/cache.h"

#include "base/error.h"
#include "models/cache/replacement/srrip.h"
#include "models/cache/replacement/tree_plru.h"

#include <algorithm>
#include <bit>
#include <memory>

namespace pagewalk::models {

using namespace replacement;

Cache::Cache(const CacheConfig& config, std::uint64_t seed, std::string_view name, RecentFirst recent_first)
    : m_set_mask(config.sets - 1), m_way_mask(static_cast<std::uint32_t>((1ULL << config.ways) - 1)),
      m_set_bits(static_cast<unsigned>(std::countr_zero(config.sets))), m_wide(config.ways > 16),
      m_replacement(config.replacement), m_oldest(static_cast<std::uint8_t>(config.ways - 1)),
      m_ways(config.ways), m_recent_storage(recent_first == RecentFirst::Yes ? config.sets : 0),
      m_rng(seed, name) {
    PAGEWALK_INVARIANT(std::has_single_bit(config.sets) && config.ways >= 1 && config.ways <= 32);
    const unsigned vector_bytes = m_wide ? sizeof(Ways32) : sizeof(Ways16);
    const std::size_t host_lines =
        (2 * vector_bytes + m_ways * sizeof(CacheLine) + sizeof(HostLine) - 1) / sizeof(HostLine);
    m_record_bytes = host_lines * sizeof(HostLine);
    m_storage.resize(config.sets * host_lines);
    m_base = m_storage.data()->bytes;
    if (recent_first == RecentFirst::Yes) m_recent = m_recent_storage.data();
    for (std::size_t set = 0; set < config.sets; ++set) {
        std::uint8_t* const record = record_of(set);
        std::uint8_t* const state = state_of(record);
        std::uninitialized_default_construct_n(m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record),
                                               m_ways);
        switch (m_replacement) {
        case Replacement::Lru:
            Lru::reset(state, vector_bytes, m_ways);
            break;
        case Replacement::TreePlru:
            TreePlru::reset(state);
            break;
        case Replacement::Srrip:
            Srrip::reset(state, vector_bytes, m_ways);
            break;
        case Replacement::Random:
            break;
        }
    }
}

void Cache::drop(CacheLine& line) {
    std::uint8_t* const record = record_of(line.number() & m_set_mask);
    CacheLine* const lines = m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record);
    const auto way = static_cast<unsigned>(&line - lines);
    line.drop();
    if (m_replacement == Replacement::Lru)
        Lru::demote(state_of(record), way, m_ways);
    else if (m_replacement == Replacement::Srrip)
        Srrip::demote(state_of(record), way);
}

CacheLine& Cache::allocate_within(LineNumber line, CacheLine& victim, unsigned ways) {
    std::uint8_t* const record = record_of(line & m_set_mask);
    CacheLine* const lines = m_wide ? lines_of<Ways32>(record) : lines_of<Ways16>(record);
    ways = std::min(ways, m_ways);
    unsigned way = 0;
    while (way < ways && lines[way].valid()) ++way;
    if (way == ways) {
        const std::uint8_t* const ranks = state_of(record);
        way = m_replacement == Replacement::Lru
                  ? static_cast<unsigned>(std::max_element(ranks, ranks + ways) - ranks)
                  : static_cast<unsigned>(m_rng.below(ways));
        victim = lines[way];
        drop(lines[way]);
    } else {
        victim = CacheLine();
        if (m_replacement == Replacement::Lru) Lru::demote(state_of(record), way, m_ways);
    }
    // The way is the next to be refilled now; with other policies a lower one that is empty goes first.
    CacheLine none_left;
    return allocate(line, none_left);
}

void Cache::touch_other(std::uint8_t* state, unsigned way) {
    if (m_replacement == Replacement::TreePlru)
        TreePlru::touch(state, m_ways, way);
    else if (m_replacement == Replacement::Srrip)
        Srrip::touch(state, way);
}

unsigned Cache::replace_other(std::uint8_t* state, const CacheLine* lines) {
    unsigned way = 0;
    while (way < m_ways && lines[way].valid()) ++way;
    const bool full = way == m_ways;
    switch (m_replacement) {
    case Replacement::TreePlru:
        if (full) way = TreePlru::victim(state, m_ways);
        TreePlru::touch(state, m_ways, way);
        break;
    case Replacement::Srrip:
        if (full) way = Srrip::victim(state, m_ways);
        Srrip::insert(state, way);
        break;
    default:
        if (full) way = static_cast<unsigned>(m_rng.below(m_ways));
    }
    return way;
}

} // namespace pagewalk::models
