#pragma once

#include "os/page/page_allocator.h"
#include "os/page/reclaimer.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/task/kernel_thread.h"

#include <array>
#include <cstdint>
#include <functional>

namespace pagewalk::os {

/// The thread of a node that reclaims in the background: woken by the slow path, works until a zone that the
/// request may use is above its high watermark, sleeps. What it scans is the Reclaimer's; where that finds
/// nothing, 16 rounds in vain make it leave the node to direct reclaim. Source: behaviour of Linux 6.1.192.
class Kswapd final : public KernelThread {
public:
    struct Parts {
        FrameAllocator& frames;
        Reclaimer& reclaimer;
        Compactor& compactor;
        KernelCounters& counters;
    };
    Kswapd(const Parts& parts, TaskRunner& runner, NodeId node)
        : KernelThread(runner), m_parts(parts), m_node(node) {}

    /// wakeup_kswapd: notes what is wanted. True when the thread, asleep, is to be woken; a request that is
    /// not worth it goes to kcompactd where the requester cannot compact itself.
    [[nodiscard]] bool wanted(const Zone& zone, unsigned order, GfpMask mask, ZoneType highest);
    void run(Operation& op) override;

    /// Has it work to do that it has not given up on?
    [[nodiscard]] bool busy() const { return (m_balancing || m_wanted_highest != nothing) && !hopeless(); }
    /// Reclaim in vain lately: direct reclaim must do.
    [[nodiscard]] bool hopeless() const { return m_failures >= most_failures; }
    [[nodiscard]] unsigned failures() const { return m_failures; }
    /// kswapd or compaction made progress.
    void forget_failures() { m_failures = 0; }

private:
    static constexpr unsigned most_failures = 16; // MAX_RECLAIM_RETRIES
    static constexpr int first_priority = 12;     // DEF_PRIORITY
    static constexpr ZoneType nothing = static_cast<ZoneType>(zone_type_count);

    template <class Visit>
    void for_each_zone(ZoneType highest, const Visit& visit) const {
        for (const auto& zone : m_parts.frames.allocator().zones())
            if (zone->node == m_node && zone->type <= highest && zone->managed != 0) visit(*zone);
    }
    [[nodiscard]] bool balanced(unsigned order, ZoneType highest) const;
    [[nodiscard]] bool boosted(ZoneType highest) const;
    [[nodiscard]] bool may_sleep() const { return hopeless() || balanced(m_reclaim_order, m_highest); }
    void take_request();
    void balance(Operation& op);
    void begin_balancing();
    /// One pass over the node. False when balancing is over.
    [[nodiscard]] bool scan(Operation& op);
    void end_balancing(Operation& op);
    void try_to_sleep(Operation& op);
    void sleep_deeply(Operation& op);
    enum class Thresholds : std::uint8_t { Normal, Pressure };
    void set_thresholds(Thresholds which);

    Parts m_parts;
    NodeId m_node;
    bool m_balancing = false;
    // what has been asked for since it last looked: pgdat's kswapd_order and kswapd_highest_zoneidx
    unsigned m_wanted_order = 0;
    ZoneType m_wanted_highest = nothing;
    unsigned m_failures = 0;
    // what it works on
    unsigned m_alloc_order = 0;
    unsigned m_reclaim_order = 0;
    ZoneType m_highest = ZoneType::Dma;
    int m_priority = first_priority;
    std::uint64_t m_reclaimed = 0;
    std::uint64_t m_boost_left = 0;
    bool m_was_boosted = false;
    bool m_first_round = false;
    std::array<std::uint64_t, zone_type_count> m_boosts{}; ///< of the node's zones when it began
};

} // namespace pagewalk::os
