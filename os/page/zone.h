#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/frame_list.h"
#include "os/page/page_map.h"
#include "os/page/per_cpu_pages.h"
#include "os/page/zone_type.h"

#include <array>
#include <cstdint>
#include <cstdlib>

namespace pagewalk::os {

/// Free blocks of one order.
struct FreeArea {
    std::array<FrameList, migratetype_count> lists{};
    std::uint64_t count = 0; ///< blocks on all lists
};

enum class Watermark : std::uint8_t { Min, Low, High, Promo };

/// Where compaction's scanners stand and how often it failed.
struct CompactionState {
    static constexpr unsigned never_failed = max_order + 1;

    std::uint64_t free_scanner = 0;                  ///< frame; 0 = not set
    std::array<std::uint64_t, 2> migrate_scanner{};  ///< asynchronous, synchronous
    std::uint64_t first_free = 0, first_migrate = 0; ///< where the scanners were set when last reset
    unsigned considered = 0;
    unsigned defer_shift = 0;
    unsigned order_failed = 0;
    bool flush_skip_bits = false;
};

/// Counters since boot or the last snapshot; two subtract to a region of interest.
struct ZoneCounters {
    std::uint64_t allocated = 0; ///< frames
    std::uint64_t freed = 0;     ///< frames
    std::uint64_t refills = 0;
    std::uint64_t drains = 0;
    std::uint64_t fallbacks = 0;
    std::uint64_t watermark_failures = 0;
    std::uint64_t numa_hit = 0, numa_miss = 0, numa_foreign = 0, numa_local = 0,
                  numa_other = 0; ///< allocations

    friend ZoneCounters operator-(const ZoneCounters& a, const ZoneCounters& b) {
        return {a.allocated - b.allocated,       a.freed - b.freed,
                a.refills - b.refills,           a.drains - b.drains,
                a.fallbacks - b.fallbacks,       a.watermark_failures - b.watermark_failures,
                a.numa_hit - b.numa_hit,         a.numa_miss - b.numa_miss,
                a.numa_foreign - b.numa_foreign, a.numa_local - b.numa_local,
                a.numa_other - b.numa_other};
    }
};

/// One zone of one node: its free lists, per-CPU lists, watermarks and counters. The allocator's classes work
/// on it.
struct Zone {
    NodeId node{};
    ZoneType type = ZoneType::Normal;
    std::uint8_t index = 0; ///< place among all zones of the machine
    VirtAddr address{};     ///< of struct zone, where boot has placed it
    Pfn start{};
    std::uint64_t spanned = 0, present = 0, managed = 0; ///< frames

    std::array<std::uint64_t, 4> watermarks{};                   ///< frames, by Watermark, without boost
    std::uint64_t boost = 0;                                     ///< frames
    std::array<std::uint64_t, zone_type_count> lowmem_reserve{}; ///< frames, by the request's highest zone
    std::uint64_t drift_mark = 0;    ///< below this the per-CPU parts of the free counter are added up
    std::int32_t stat_threshold = 0; ///< a CPU's part of a counter may reach this, frames

    std::array<FreeArea, max_order> areas{};
    std::int64_t free_pages = 0; ///< the global counter, without the per-CPU parts: what watermarks see
    std::int64_t free_cma_pages = 0;
    std::uint64_t highatomic_pages = 0; ///< in reserved pageblocks
    std::uint64_t isolated_pageblocks = 0;
    std::uint64_t cma_pages = 0;
    bool boosted = false;        ///< boosted since kswapd was last woken
    bool reclaim_active = false; ///< kswapd is at work: per-CPU lists are kept short

    IndexedVec<CpuId, PerCpuPages> pcp;
    std::int64_t pageset_high = 0, pageset_batch = 1;
    CompactionState compaction;
    ZoneCounters counters;

    [[nodiscard]] Pfn end() const { return start + spanned; }
    /// Of a free list's head. The offset within struct zone is assumed; an order takes 88 bytes.
    [[nodiscard]] VirtAddr free_list(unsigned order, Migratetype type) const {
        return address + 192 + order * 88 + static_cast<std::uint64_t>(type) * 16;
    }
    [[nodiscard]] bool spans(std::uint64_t frame) const {
        return frame - start.value() < spanned; // wraps to a large number below start
    }
    [[nodiscard]] bool populated() const { return present != 0; }
    [[nodiscard]] std::uint64_t watermark(Watermark mark) const {
        return watermarks[static_cast<std::size_t>(mark)] + boost;
    }
    [[nodiscard]] std::uint64_t watermark_without_boost(Watermark mark) const {
        return watermarks[static_cast<std::size_t>(mark)];
    }

    /// Adds to the free counter as `cpu`: kept per CPU until it exceeds stat_threshold.
    void count_free(CpuId cpu, std::int64_t delta, Migratetype block_type) {
        fold(pcp[cpu].free_diff, free_pages, delta);
        if (block_type == Migratetype::Cma) fold(pcp[cpu].cma_diff, free_cma_pages, delta);
    }
    /// CMA pages leave for a per-CPU list: they are counted apart from the free counter then.
    void count_cma(CpuId cpu, std::int64_t delta) { fold(pcp[cpu].cma_diff, free_cma_pages, delta); }
    /// The free counter with every CPU's part.
    [[nodiscard]] std::int64_t exact_free_pages() const {
        std::int64_t sum = free_pages;
        for (const PerCpuPages& lists : pcp) sum += lists.free_diff;
        return sum;
    }
    [[nodiscard]] std::int64_t pcp_pages() const {
        std::int64_t sum = 0;
        for (const PerCpuPages& lists : pcp) sum += lists.count;
        return sum;
    }

private:
    void fold(std::int32_t& part, std::int64_t& total, std::int64_t delta) const {
        const std::int64_t value = part + delta;
        if (std::abs(value) > stat_threshold) {
            total += value;
            part = 0;
        } else {
            part = static_cast<std::int32_t>(value);
        }
    }
};

} // namespace pagewalk::os
