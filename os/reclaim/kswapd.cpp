#include "os/reclaim/kswapd.h"

#include "os/page/watermark.h"
#include "os/page/zone_tuning.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr Tick short_sleep{100'000'000 * ticks_per_ns}; // HZ/10
constexpr std::uint64_t swap_cluster = 32;

} // namespace

bool Kswapd::balanced(unsigned order, ZoneType highest) const {
    bool any = false;
    bool found = false;
    for_each_zone(highest, [&](const Zone& zone) {
        any = true;
        found = found || watermark_ok_safe(zone, order, zone.watermark(Watermark::High), highest);
    });
    return found || !any;
}

bool Kswapd::boosted(ZoneType highest) const {
    bool found = false;
    for_each_zone(highest, [&](const Zone& zone) { found = found || zone.boost != 0; });
    return found;
}

bool Kswapd::wanted(const Zone& zone, unsigned order, GfpMask mask, ZoneType highest) {
    if (zone.managed == 0) return false;
    if (m_wanted_highest == nothing || m_wanted_highest < highest) m_wanted_highest = highest;
    m_wanted_order = std::max(m_wanted_order, order);
    if (!asleep()) return false;
    if (hopeless() || (balanced(order, highest) && !boosted(highest))) {
        if (!mask.any(gfp::direct_reclaim)) {
            // There may be enough memory in pieces too small.
            Zone& same = *m_parts.frames.allocator().zones()[zone.index];
            m_parts.compactor.wake_kcompactd(same, order, highest);
        }
        return false;
    }
    return true;
}

void Kswapd::take_request() {
    m_alloc_order = m_reclaim_order = m_wanted_order;
    if (m_wanted_highest != nothing) m_highest = m_wanted_highest;
    m_wanted_order = 0;
    m_wanted_highest = nothing;
}

void Kswapd::set_thresholds(Thresholds which) {
    PageAllocator& allocator = m_parts.frames.allocator();
    for (const auto& zone : allocator.zones())
        if (zone->node == m_node && zone->drift_mark != 0)
            zone->stat_threshold = which == Thresholds::Normal ? normal_stat_threshold(allocator, *zone)
                                                               : pressure_stat_threshold(allocator, *zone);
}

void Kswapd::begin_balancing() {
    ++m_parts.counters.pageoutrun;
    m_boosts = {};
    m_boost_left = 0;
    for_each_zone(m_highest, [&](Zone& zone) {
        m_boosts[pagewalk::os::index_of(zone.type)] = zone.boost;
        m_boost_left += zone.boost;
        zone.reclaim_active = true;
    });
    m_was_boosted = m_boost_left != 0;
    m_priority = first_priority;
    m_reclaimed = 0;
    m_first_round = true;
}

bool Kswapd::scan(Operation& op) {
    const FrameAllocator::Scope scope(m_parts.frames, op);
    op.path.call(KernelFunction::BalancePgdat);
    for_each_zone(m_highest, [&](const Zone& zone) { op.path.load(m_parts.frames.addresses().zone(zone)); });
    const bool is_balanced = balanced(m_reclaim_order, m_highest);
    if (!is_balanced && m_boost_left != 0) {
        // A real shortage comes before the boost.
        m_boost_left = 0;
        m_priority = first_priority;
        return true;
    }
    if (is_balanced && m_boost_left == 0) return false;

    bool raise_priority = !(m_boost_left != 0 && m_priority == first_priority - 2);
    NodeScan scan{.node = m_node,
                  .order = m_reclaim_order,
                  .highest = m_highest,
                  .priority = static_cast<unsigned>(m_priority),
                  .may_write = m_boost_left == 0 || m_priority < first_priority - 2,
                  .may_swap = m_boost_left == 0,
                  .first = std::exchange(m_first_round, false)};
    for_each_zone(m_highest, [&](const Zone& zone) {
        scan.wanted += std::max<std::uint64_t>(zone.watermark(Watermark::High), swap_cluster);
    });
    op.path.call(KernelFunction::ShrinkNode);
    op.path.load(m_parts.frames.addresses().lruvec(m_node));
    const NodeScanResult result = m_parts.reclaimer.scan_node(scan);
    m_reclaimed += result.reclaimed;
    if (result.reclaimed != 0) m_failures = 0;
    // Twice the block has been freed: fragmentation is compaction's business.
    if (m_reclaim_order != 0 && m_reclaimed >= 2ULL << m_reclaim_order) m_reclaim_order = 0;
    if (result.scanned >= scan.wanted) raise_priority = false;
    m_boost_left -= std::min(m_boost_left, result.reclaimed);
    if (m_boost_left != 0 && result.reclaimed == 0) m_priority = 0;
    if (raise_priority || result.reclaimed == 0) --m_priority;
    if (m_priority >= 1) return true;
    if (m_reclaimed == 0) ++m_failures;
    return false;
}

void Kswapd::end_balancing(Operation& op) {
    const FrameAllocator::Scope scope(m_parts.frames, op);
    for_each_zone(m_highest, [&](Zone& zone) {
        zone.reclaim_active = false;
        const std::uint64_t boost = m_boosts[pagewalk::os::index_of(zone.type)];
        if (boost == 0) return;
        op.path.acquire(m_parts.frames.addresses().zone_lock(zone));
        zone.boost -= std::min(zone.boost, boost);
        op.path.release(m_parts.frames.addresses().zone_lock(zone));
    });
    if (!m_was_boosted) return;
    PageAllocator& allocator = m_parts.frames.allocator();
    for (const auto& zone : allocator.zones())
        if (zone->node == m_node) {
            m_parts.compactor.wake_kcompactd(*zone, allocator.pages().pageblock_order(), m_highest);
            return;
        }
}

// balance_pgdat
void Kswapd::balance(Operation& op) {
    m_balancing = true;
    take_request();
    begin_balancing();
    do {
        op.host->end_round(op);
    } while (scan(op));
    end_balancing(op);
    m_balancing = false;
    // A request that came meanwhile is looked at next; its order is not forgotten until then.
    if (m_reclaim_order == m_alloc_order) {
        m_alloc_order = m_reclaim_order = m_wanted_order;
        if (m_wanted_highest != nothing) m_highest = m_wanted_highest;
    }
}

void Kswapd::sleep_deeply(Operation& op) {
    do {
        op.path.store(m_parts.frames.addresses().kswapd_wait(m_node));
        set_thresholds(Thresholds::Normal);
        sleep(op);
    } while (m_wanted_highest == nothing);
    set_thresholds(Thresholds::Pressure);
}

// kswapd_try_to_sleep. Returns when there is something to do.
void Kswapd::try_to_sleep(Operation& op) {
    op.path.call(KernelFunction::KswapdTryToSleep);
    if (!may_sleep()) {
        ++m_parts.counters.kswapd_high_wmark_hit_quickly;
        return;
    }
    {
        const FrameAllocator::Scope scope(m_parts.frames, op);
        m_parts.compactor.kswapd_sleeps(m_node);
        // There is room to move in: make the blocks that were asked for.
        for (const auto& zone : m_parts.frames.allocator().zones())
            if (zone->node == m_node) {
                m_parts.compactor.wake_kcompactd(*zone, m_alloc_order, m_highest);
                break;
            }
    }
    const WaitEnd end = sleep(op, op.now + short_sleep);
    op.path.call(KernelFunction::KswapdTryToSleep);
    if (end == WaitEnd::Woken) {
        ++m_parts.counters.kswapd_low_wmark_hit_quickly;
        if (m_wanted_highest == nothing) m_wanted_highest = m_highest;
        m_wanted_order = std::max(m_wanted_order, m_reclaim_order);
    } else if (may_sleep()) {
        sleep_deeply(op);
    } else {
        ++m_parts.counters.kswapd_high_wmark_hit_quickly;
    }
}

void Kswapd::run(Operation& op) {
    sleep_deeply(op);
    for (;;) {
        balance(op);
        try_to_sleep(op);
    }
}

} // namespace pagewalk::os
