#include "models/mmu/champsim_vmem.h"

#include "base/error.h"
#include "contract/page_table.h"

#include <bit>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL; // splitmix64's finalizer
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

} // namespace

ChampSimVmem::ChampSimVmem(std::uint64_t frames, std::uint32_t seed, unsigned levels,
                           const WalkCacheConfig& walk_cache)
    : m_mask(frames - 1), m_salt(mix(seed)),
      m_half_bits(static_cast<unsigned>(std::countr_zero(frames) + 1) / 2), m_root_level(levels - 1),
      m_cache(walk_cache) {
    PAGEWALK_INVARIANT(std::has_single_bit(frames) && frames > 1 && levels <= most_references);
}

Pfn ChampSimVmem::table_frame(VirtAddr address, unsigned level) const {
    const std::uint64_t entry = address.value() >> (page_shift + 9 * (level - 1));
    return Pfn(mix((entry * 8 + level) ^ m_salt) & m_mask);
}

std::span<const PhysAddr> ChampSimVmem::walk(VirtAddr address, std::uint16_t pcid) {
    const auto slot = [&](Pfn frame, unsigned level) {
        return address_of(frame) + table_index(address, level) * sizeof(PageTableEntry);
    };
    const WalkCache::Start start = m_cache.find(address, pcid, Pfn(mix(pcid) & m_mask), m_root_level + 1);
    unsigned level = start.level > m_root_level ? m_root_level : start.level;
    std::size_t count = 0;
    m_references[count++] = slot(start.table, level);
    for (; level >= 1; --level) {
        const Pfn frame = table_frame(address, level);
        m_cache.insert(address, pcid, level + 1, frame);
        m_references[count++] = slot(frame, level);
    }
    return {m_references.data(), count};
}

// A Feistel network is a permutation whatever its rounds compute; values out of range go round again.
std::uint64_t ChampSimVmem::place_of(std::uint64_t frame) const {
    frame &= m_mask;
    const std::uint64_t half_mask = (1ULL << m_half_bits) - 1;
    do {
        std::uint64_t high = frame >> m_half_bits, low = frame & half_mask;
        for (std::uint64_t round = 1; round <= 4; ++round) {
            const std::uint64_t next = high ^ (mix((low * 8 + round) ^ m_salt) & half_mask);
            high = low;
            low = next;
        }
        frame = high << m_half_bits | low;
    } while (frame > m_mask);
    return frame;
}

} // namespace pagewalk::models
