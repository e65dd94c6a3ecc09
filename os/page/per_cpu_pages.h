#pragma once

#include "os/page/frame_list.h"
#include "os/page/migratetype.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// Orders up to this one are cheap: they have per-CPU lists and are retried until they succeed.
inline constexpr unsigned costly_order = 3;

/// One CPU's lists of free blocks of one zone: orders 0 to 3 by three types, then two of pageblock order (not
/// movable, movable). Source: Linux 6.1.192; earlier 6.1 releases have a single list of pageblock order.
struct PerCpuPages {
    static constexpr std::size_t low_list_count = (costly_order + 1) * pcp_migratetype_count;
    static constexpr std::size_t list_count = low_list_count + 2;
    /// CONFIG_PCP_BATCH_SCALE_MAX of Debian's configuration.
    static constexpr unsigned free_factor_max = 5;

    std::int64_t count = 0; ///< frames on all lists
    std::int64_t high = 0;  ///< frames from which a free drains
    std::int64_t batch = 1; ///< frames of one refill or drain
    std::uint8_t free_factor = 0;
    std::uint8_t expire = 0;    ///< ticks of the statistics worker until a remote node's lists are drained
    std::int32_t free_diff = 0; ///< this CPU's part of the zone's free counter
    std::int32_t cma_diff = 0;
    std::array<FrameList, list_count> lists{};

    [[nodiscard]] static bool allows(unsigned order, unsigned pageblock_order) {
        return order <= costly_order || order == pageblock_order;
    }
    /// Contract: allows(order), type is one of the first three.
    [[nodiscard]] static std::size_t list_index(unsigned order, Migratetype type) {
        if (order > costly_order) return low_list_count + (type == Migratetype::Movable ? 1 : 0);
        return order * pcp_migratetype_count + static_cast<std::size_t>(type);
    }
    [[nodiscard]] static unsigned order_of(std::size_t list, unsigned pageblock_order) {
        return list >= low_list_count ? pageblock_order : static_cast<unsigned>(list / pcp_migratetype_count);
    }

    /// Blocks of `order` that one refill asks for.
    [[nodiscard]] std::int64_t refill_count(unsigned order) const {
        return batch > 1 ? std::max<std::int64_t>(batch >> order, 2) : batch;
    }
    /// Frames from which this free must drain; `reclaiming`: the zone is being reclaimed.
    [[nodiscard]] std::int64_t drain_threshold(bool free_high_orders, bool reclaiming) const {
        if (high == 0 || free_high_orders) return 0;
        return reclaiming ? std::min(batch << 2, high) : high;
    }
    /// Frames to drain once `threshold` is reached; repeated frees without an allocation double it.
    [[nodiscard]] std::int64_t drain_count(std::int64_t threshold, bool free_high_orders) {
        if (free_high_orders) return count;
        if (threshold < batch) return 1;
        const std::int64_t most = threshold - batch;
        const std::int64_t scaled = batch << free_factor;
        if (scaled < most && free_factor < free_factor_max) ++free_factor;
        return std::min(std::max(scaled, batch), most);
    }
};

} // namespace pagewalk::os
