#include "models/mmu/champsim_vmem.h"

#include "base/error.h"
#include "contract/page_table.h"

#include <algorithm>

namespace pagewalk::models {

ChampSimVmem::ChampSimVmem(ChampSimFrames& frames, unsigned levels, const WalkCacheConfig& walk_cache)
    : m_frames(frames), m_root_level(levels - 1), m_cache(walk_cache) {
    PAGEWALK_INVARIANT(levels <= most_references);
}

std::span<const PhysAddr> ChampSimVmem::walk(VirtAddr address, std::uint16_t pcid, Pfn root) {
    const auto slot = [&](Pfn frame, unsigned level) {
        return address_of(frame) + table_index(address, level) * sizeof(PageTableEntry);
    };
    // A walk once more after a page fault, which ChampSim does not have, draws nothing.
    const bool again = address.page() == m_unplaced;
    m_unplaced = address.page();
    const WalkCache::Start start = m_cache.find(address, pcid, m_frames.of_root(root), m_root_level + 1);
    unsigned level = std::min(start.level, m_root_level);
    const std::size_t tables = m_frames.tables();
    std::size_t count = 0;
    m_references[count++] = slot(start.table, level);
    for (; level >= 1; --level) {
        const Pfn table =
            again ? m_frames.known_table(root, address, level) : m_frames.of_table(root, address, level);
        m_cache.insert(address, pcid, level + 1, table);
        m_references[count++] = slot(table, level);
    }
    m_new_tables = static_cast<unsigned>(m_frames.tables() - tables);
    return {m_references.data(), count};
}

} // namespace pagewalk::models
