#pragma once

#include "base/address.h"
#include "os/replay/trace_reader.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

enum class PageEventKind : std::uint8_t {
    Alloc,        ///< mm_page_alloc: frame (no_pfn = failed), order, mask, type
    Free,         ///< mm_page_free: frame, order
    FreeBatched,  ///< mm_page_free_batched: frame
    ZoneLocked,   ///< mm_page_alloc_zone_locked: frame, order, type
    PcpuDrain,    ///< mm_page_pcpu_drain: frame, order, type
    ExtFrag,      ///< mm_page_alloc_extfrag: frame, order, type, a = fallback order, b = fallback type, x =
                  ///< claimed
    LruInsertion, ///< mm_lru_insertion: frame
    Reclaim,      ///< mm_vmscan_direct_reclaim_begin
    Compact,      ///< mm_compaction_try_to_compact_pages
    KswapdWake,   ///< mm_vmscan_kswapd_wake
    Page,         ///< gt_page: which, frame, order, x
    Zone,         ///< gt_zone: which, node, zone, a, b
    Mark,         ///< gt_mark: which = code, a, b
};

/// One event that the page allocator's replay looks at.
struct PageTraceEvent {
    std::uint64_t sequence = 0;
    Pfn frame = no_pfn;
    std::int64_t a = 0, b = 0;
    std::int32_t pid = 0;
    std::uint32_t mask = 0;
    std::uint32_t x = 0;
    std::uint16_t cpu = 0;
    std::uint16_t which = 0;
    std::int16_t node = 0, zone = 0;
    PageEventKind kind = PageEventKind::Mark;
    std::uint8_t flags = 0;
    std::uint8_t order = 0;
    std::uint8_t type = 0;

    [[nodiscard]] bool in_interrupt() const { return (flags & 0x18) != 0; }
};

/// Codes of the capture's own events. Source: the captures' FORMATS.md.
namespace gt {
inline constexpr unsigned page_pcp_commit = 2, page_isolate = 3, page_putback = 4, page_bulk = 5,
                          page_set_block_type = 6, page_move_block = 7, page_dump = 8;
inline constexpr unsigned zone_drain_cpu = 1, zone_drain_idle = 2, zone_bulk_free = 3, zone_refill = 4,
                          zone_direct_free = 7;
inline constexpr unsigned mark_snapshot = 1, mark_begin = 10, mark_end = 11, mark_dump_begin = 12,
                          mark_dump_end = 13, mark_phase = 20;
} // namespace gt

/// The events between the two snapshots, of all CPUs, in the order in which they happened.
/// Errors: InputError from TraceReader, or when the first snapshot's mark is missing.
[[nodiscard]] std::vector<PageTraceEvent> read_page_trace(const CaptureFiles& files);

} // namespace pagewalk::os
