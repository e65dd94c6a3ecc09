#include "models/cache/cache.h"

#include "base/error.h"

#include <bit>

namespace pagewalk::models {

using namespace replacement;

Cache::Cache(const CacheConfig& config, std::uint64_t seed, std::string_view name)
    : m_set_mask(config.sets - 1), m_set_bits(static_cast<unsigned>(std::countr_zero(config.sets))),
      m_ways(config.ways), m_way_mask(static_cast<std::uint32_t>((1ULL << config.ways) - 1)),
      m_blocks(config.ways > 16 ? 2 : 1), m_state_stride(m_blocks * 2), m_replacement(config.replacement),
      m_state(std::size_t{config.sets} * m_state_stride), m_lines(std::size_t{config.sets} * config.ways),
      m_rng(seed, name) {
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
    const unsigned way = choose_way(ranks, lines);
    victim = lines[way];
    state[way / 16].bytes[way % 16] = fingerprint(line);
    if (m_replacement == Replacement::Srrip)
        Srrip::insert(ranks, way);
    else
        touch(ranks, way);
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

unsigned Cache::choose_way(WayBytes* ranks, const CacheLine* lines) {
    // An empty way is always the least recent one.
    if (m_replacement == Replacement::Lru) return Lru::victim(ranks, m_blocks, m_ways);
    for (unsigned way = 0; way < m_ways; ++way)
        if (!lines[way].valid()) return way;
    switch (m_replacement) {
    case Replacement::TreePlru:
        return TreePlru::victim(ranks, m_ways);
    case Replacement::Srrip:
        return Srrip::victim(ranks, m_blocks, m_ways);
    default:
        return static_cast<unsigned>(m_rng.below(m_ways));
    }
}

} // namespace pagewalk::models
