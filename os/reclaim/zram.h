#pragma once

#include "os/path/frame_allocator.h"
#include "os/reclaim/swap_area.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// A zram device that is the swap area: pages compressed by a CPU, in memory. All pages shrink by the same
/// ratio. They lie in zspages of four frames that are taken when no other has room and given back when they
/// are empty (mm/zsmalloc.c). Not modelled: pages of one value, which need no memory, size classes, moving
/// objects together.
class Zram {
public:
    static constexpr std::uint32_t least_percent = 100, most_percent = 1000;

    /// `ratio_percent`: a page's size in hundredths of what it is compressed to.
    Zram(FrameAllocator& frames, KernelCounters& counters, std::uint32_t ratio_percent, std::uint64_t slots);

    /// zram_bvec_write: compresses the frame's contents into the slot. False where there is no memory for it.
    [[nodiscard]] bool store(Operation& op, SwapSlot slot, Pfn frame);
    /// zram_bvec_read. Contract: the slot is stored.
    void load(Operation& op, SwapSlot slot, Pfn frame);
    /// zram_slot_free_notify: the slot is free; nothing where it was not stored.
    void discard(Operation& op, SwapSlot slot);

    /// Frames that hold compressed pages.
    [[nodiscard]] std::uint64_t frames() const { return m_frames_used; }

private:
    static constexpr std::size_t frames_each = 4; // ZS_MAX_PAGES_PER_ZSPAGE
    static constexpr std::uint32_t nowhere = ~0U;
    struct Zspage {
        std::array<Pfn, frames_each> frames{};
        std::uint64_t used = 0; ///< places in use, a bit each
    };
    [[nodiscard]] bool grow(Operation& op);
    void shrink(Operation& op, std::uint32_t zspage);
    /// The line of a place's byte.
    [[nodiscard]] PhysAddr address(std::uint32_t place, std::uint32_t byte) const;
    [[nodiscard]] std::uint32_t& place_of(SwapSlot slot) { return m_places[static_cast<std::size_t>(slot)]; }

    FrameAllocator& m_frames;
    KernelCounters& m_counters;
    std::uint32_t m_bytes; ///< of a compressed page
    std::uint32_t m_each;  ///< places of a zspage
    std::vector<Zspage> m_zspages;
    std::vector<std::uint32_t> m_with_room; ///< zspages that have free places, the last one first
    std::vector<std::uint32_t> m_unused;    ///< numbers of zspages that have no frames
    std::vector<std::uint32_t> m_places;    ///< by slot: zspage * m_each + place
    std::uint64_t m_frames_used = 0;
};

} // namespace pagewalk::os
