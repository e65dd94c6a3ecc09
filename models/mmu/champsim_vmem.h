#pragma once

#include "base/address.h"
#include "base/time.h"
#include "models/mmu/champsim_frames.h"
#include "models/mmu/walk_cache.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace pagewalk::models {

/// What ChampSim's virtual memory makes of a translation, so that Pagewalk can be held against it: where
/// pages lie, and which references a walk makes. Source: vmem.cc and ptw.cc of ChampSim, commit 2ff25011.
///
/// Pages and page tables have the frames of one draw. Each entry of a level has a table frame of its own, so
/// that neighbouring pages share no line. A paging-structure cache entry resumes the walk at the level it was
/// filled from: the walk reads a slot in the frame of the page that filled it, and then the slot of its own.
class ChampSimVmem {
public:
    static constexpr std::size_t most_references = 5;

    /// `levels`: of the page table.
    ChampSimVmem(ChampSimFrames& frames, unsigned levels, const WalkCacheConfig& walk_cache);

    /// The references of a walk below a process's uppermost table in their order; valid until the next walk.
    [[nodiscard]] std::span<const PhysAddr> walk(VirtAddr address, std::uint16_t pcid, Pfn root);
    /// How many tables the last walk was the first to come to.
    [[nodiscard]] unsigned new_tables() const { return m_new_tables; }
    /// The last walk has found that its page is not there, and is over.
    void faulted(Cycles cycle) { m_faulted = cycle; }
    /// When the last walk found that its page was not there, where this one is the same once more.
    [[nodiscard]] std::optional<Cycles> goes_on_from(VirtAddr address) const {
        if (address.page() != m_unplaced) return std::nullopt;
        return m_faulted;
    }
    /// Where a page lies that the OS has put into `frame` and that a walk has found.
    [[nodiscard]] Pfn place_of(std::uint64_t frame) {
        m_unplaced = VirtAddr(no_page);
        return m_frames.of_page(frame);
    }

private:
    static constexpr std::uint64_t no_page = ~0ULL;

    ChampSimFrames& m_frames;
    unsigned m_root_level;
    WalkCache m_cache;
    VirtAddr m_unplaced{no_page}; ///< page of the last walk, whose place nobody has asked for yet
    std::array<PhysAddr, most_references> m_references{};
    unsigned m_new_tables = 0;
    Cycles m_faulted{};
};

} // namespace pagewalk::models
