#pragma once

#include "base/address.h"
#include "os/page/touch_steps.h"

#include <cstdint>

namespace pagewalk::os {

/// Where an allocation was served. SlowPath stages are kept apart: see AllocTrace::stages.
enum class AllocPath : std::uint8_t {
    None,
    PcpHit,     ///< first frame of a per-CPU list
    PcpRefill,  ///< the list was empty and filled under the zone lock
    Buddy,      ///< straight from the free lists under the zone lock
    HighAtomic, ///< from the high-order atomic reserve
    Captured,   ///< handed over by direct compaction
    Failed,
};

/// Stages that an allocation went through beyond its first pass over the zones.
enum class SlowStage : std::uint8_t {
    WakeKswapd = 1,
    Reserves = 2, ///< a pass that may use memory reserves or ignore watermarks
    DirectCompact = 4,
    DirectReclaim = 8,
    DrainAll = 16,
    Retry = 32,
    OutOfMemory = 64,
    Entered = 128, ///< the slow path at all
};

/// What an allocation had come to when it was served.
enum class AllocStage : std::uint8_t {
    FirstPass,     ///< above the low watermarks
    MinWatermark,  ///< the slow path's first pass: down to the min watermark and what the request's flags
                   ///< grant
    Reserves,      ///< a reserve that the task's state opens: PF_MEMALLOC, victims of the OOM killer
    DirectCompact, ///< after direct compaction
    DirectReclaim, ///< after direct reclaim
    OutOfMemory,   ///< after the OOM killer was asked
};

/// What one operation of the page allocator did: in short, and where `steps` is given also what it touched
/// under the locks of the zones.
struct AllocTrace {
    AllocTrace() = default;
    /// `touched` outlives the operation.
    explicit AllocTrace(TouchSteps& touched) : steps(&touched) {}

    AllocPath path = AllocPath::None;
    AllocStage served = AllocStage::FirstPass;
    std::uint8_t stages = 0; ///< SlowStage bits
    std::uint8_t zone = 0;   ///< index of the zone that served, or whose list took a free
    std::uint16_t zones_visited = 0;
    std::uint16_t watermark_checks = 0;
    std::uint16_t zone_lock_acquisitions = 0;
    std::uint16_t pcp_lock_acquisitions = 0;
    std::uint16_t split_levels = 0;
    std::uint16_t merge_levels = 0;
    std::uint16_t fallbacks = 0; ///< times another type's block was taken
    std::uint16_t pageblocks_claimed = 0;
    std::uint32_t blocks_refilled = 0; ///< blocks moved from the free lists to a per-CPU list
    std::uint32_t blocks_drained = 0;  ///< and the other way
    std::uint32_t frames_scanned = 0;  ///< descriptors read one by one when a pageblock was claimed
    std::uint32_t scan_begin = 0;      ///< the first of the last such pageblock
    TouchSteps* steps = nullptr;

    /// A descriptor is written.
    void touch(std::uint32_t frame) const {
        if (steps != nullptr) steps->store_page(Pfn(frame));
    }
    /// The descriptor of a buddy is read and left alone.
    void look(std::uint32_t frame) const {
        if (steps != nullptr) steps->load_page(Pfn(frame));
    }
    /// The head of a free list is written: once for a run of blocks from one list.
    void touch_list(VirtAddr head) {
        if (steps == nullptr || head == m_last_list) return;
        m_last_list = head;
        steps->store(head);
    }
    void enter(SlowStage stage) {
        stages = static_cast<std::uint8_t>(stages | static_cast<std::uint8_t>(stage));
    }
    [[nodiscard]] bool entered(SlowStage stage) const {
        return (stages & static_cast<std::uint8_t>(stage)) != 0;
    }

private:
    VirtAddr m_last_list{};
};

} // namespace pagewalk::os
