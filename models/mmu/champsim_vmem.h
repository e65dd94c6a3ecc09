#pragma once

#include "base/address.h"
#include "models/mmu/walk_cache.h"

#include <array>
#include <cstdint>
#include <span>

namespace pagewalk::models {

/// What ChampSim's virtual memory makes of a translation, so that Pagewalk can be held against it: where
/// pages lie, and which references a walk makes. Source: vmem.cc and ptw.cc of ChampSim, commit 2ff25011.
///
/// Pages and page tables have frames drawn at random. Each entry of a level has a table frame of its own, so
/// that neighbouring pages share no line. A paging-structure cache entry resumes the walk at the level it was
/// filled from: the walk reads a slot in the frame of the page that filled it, and then the slot of its own.
class ChampSimVmem {
public:
    static constexpr std::size_t most_references = 5;

    /// `frames`: of memory, a power of two. `seed`: of what is drawn. `levels`: of the page table.
    ChampSimVmem(std::uint64_t frames, std::uint32_t seed, unsigned levels,
                 const WalkCacheConfig& walk_cache);

    /// The references of a walk in their order; valid until the next walk.
    [[nodiscard]] std::span<const PhysAddr> walk(VirtAddr address, std::uint16_t pcid);
    /// Where a page lies that the OS has put into `frame`: a permutation of the frames. Those of memory above
    /// the hole below 4 GiB count from 0 again.
    [[nodiscard]] std::uint64_t place_of(std::uint64_t frame) const;

private:
    [[nodiscard]] Pfn table_frame(VirtAddr address, unsigned level) const;

    std::uint64_t m_mask;
    std::uint64_t m_salt; ///< of all that is drawn
    unsigned m_half_bits; ///< of a frame number, rounded up
    unsigned m_root_level;
    WalkCache m_cache;
    std::array<PhysAddr, most_references> m_references{};
};

} // namespace pagewalk::models
