#pragma once

#include "base/address.h"
#include "os/page/migratetype.h"

#include <array>
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

/// A free list's head: zone index, order and type.
struct FreeListRef {
    std::uint8_t zone = 0;
    std::uint8_t order = 0;
    Migratetype type = Migratetype::Unmovable;

    bool operator==(const FreeListRef&) const = default;
};

/// What one operation of the page allocator did, so that another layer can time it. Fixed size, never
/// allocates; what exceeds its lists is counted in frames_lost and lists_lost. The lists' unused ends are not
/// initialised.
struct AllocTrace {
    static constexpr std::size_t frame_capacity = 256;
    static constexpr std::size_t looked_capacity = 128;
    static constexpr std::size_t list_capacity = 48;

    // Leaves the arrays alone: most operations touch a frame or two.
    AllocTrace() {} // NOLINT(modernize-use-equals-default)

    AllocPath path = AllocPath::None;
    AllocStage served = AllocStage::FirstPass;
    std::uint8_t stages = 0; ///< SlowStage bits
    std::uint8_t zone = 0;   ///< index of the zone that served, or whose list took a free
    std::uint16_t frame_count = 0;
    std::uint16_t looked_count = 0;
    std::uint16_t list_count = 0;
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
    std::uint32_t frames_lost = 0;
    std::uint32_t lists_lost = 0;
    std::array<std::uint32_t, frame_capacity> frames;  ///< descriptors written, in order
    std::array<std::uint32_t, looked_capacity> looked; ///< descriptors of buddies that were only read
    std::array<FreeListRef, list_capacity> lists;      ///< free-list heads written, each run of one once

    void touch(std::uint32_t frame) {
        if (frame_count < frame_capacity)
            frames[frame_count++] = frame;
        else
            ++frames_lost;
    }
    void look(std::uint32_t frame) {
        if (looked_count < looked_capacity) looked[looked_count++] = frame;
    }
    void touch(FreeListRef list) {
        if (list_count != 0 && list_count <= list_capacity && lists[list_count - 1U] == list) return;
        if (list_count < list_capacity)
            lists[list_count++] = list;
        else
            ++lists_lost;
    }
    void enter(SlowStage stage) {
        stages = static_cast<std::uint8_t>(stages | static_cast<std::uint8_t>(stage));
    }
    [[nodiscard]] bool entered(SlowStage stage) const {
        return (stages & static_cast<std::uint8_t>(stage)) != 0;
    }
};

} // namespace pagewalk::os
