#include "models/cache/cache.h"

#include "base/error.h"

#include <bit>

namespace pagewalk::models {

using namespace replacement;

Cache::Cache(const CacheConfig& config, std::uint64_t seed, std::string_view name, RecentFirst recent_first)
    : m_set_mask(config.sets - 1), m_set_bits(static_cast<unsigned>(std::countr_zero(config.sets))),
      m_ways(config.ways), m_way_mask(static_cast<std::uint32_t>((1ULL << config.ways) - 1)),
      m_blocks(config.ways > 16 ? 2 : 1), m_state_stride(m_blocks * 2), m_replacement(config.replacement),
      m_state(std::size_t{config.sets} * m_state_stride), m_lines(std::size_t{config.sets} * config.ways),
      m_recent(recent_first == RecentFirst::Yes ? config.sets : 0), m_rng(seed, name) {
    PAGEWALK_INVARIANT(std::has_single_bit(config.sets) && config.ways >= 1 && config.ways <= 32);
    for (std::size_t set = 0; set < config.sets; ++set) {
        WayBytes* const ranks = &m_state[set * m_state_stride + m_blocks];
        switch (m_replacement) {
        case Replacement::Lru:
            Lru::reset(ranks, m_blocks, m_ways);
            break;
        case Replacement::TreePlru:
            TreePlru::reset(ranks);
            break;
        case Replacement::Srrip:
            Srrip::reset(ranks, m_blocks, m_ways);
            break;
        case Replacement::Random:
            break;
        }
    }
}

CacheLine& Cache::allocate(LineNumber line, CacheLine& victim) {
    const std::size_t set = line & m_set_mask;
    WayBytes* const state = &m_state[set * m_state_stride];
    WayBytes* const ranks = state + m_blocks;
    CacheLine* const lines = &m_lines[set * m_ways];
    // With LRU an empty way is always the least recent one.
    const unsigned way = m_replacement == Replacement::Lru ? Lru::replace(ranks, m_blocks, m_ways)
                                                           : replace_other(ranks, lines);
    victim = lines[way];
    if (!m_recent.empty()) m_recent[set] = static_cast<std::uint8_t>(way);
    state[way / 16].bytes[way % 16] = fingerprint(line);
    return lines[way];
}

void Cache::drop(CacheLine& line) {
    const std::size_t index = static_cast<std::size_t>(&line - m_lines.data());
    WayBytes* const ranks = &m_state[index / m_ways * m_state_stride + m_blocks];
    const unsigned way = static_cast<unsigned>(index % m_ways);
    line.drop();
    if (m_replacement == Replacement::Lru)
        Lru::demote(ranks, m_blocks, way, m_ways);
    else if (m_replacement == Replacement::Srrip)
        Srrip::demote(ranks, way);
}

void Cache::touch_other(WayBytes* ranks, unsigned way) {
    if (m_replacement == Replacement::TreePlru)
        TreePlru::touch(ranks, m_ways, way);
    else if (m_replacement == Replacement::Srrip)
        Srrip::touch(ranks, way);
}

unsigned Cache::replace_other(WayBytes* ranks, const CacheLine* lines) {
    unsigned way = 0;
    while (way < m_ways && lines[way].valid()) ++way;
    const bool full = way == m_ways;
    switch (m_replacement) {
    case Replacement::TreePlru:
        if (full) way = TreePlru::victim(ranks, m_ways);
        TreePlru::touch(ranks, m_ways, way);
        break;
    case Replacement::Srrip:
        if (full) way = Srrip::victim(ranks, m_blocks, m_ways);
        Srrip::insert(ranks, way);
        break;
    default:
        if (full) way = static_cast<unsigned>(m_rng.below(m_ways));
    }
    return way;
}

} // namespace pagewalk::models
