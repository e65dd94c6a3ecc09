#pragma once

#include "os/page/page_allocator.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// Counters of /proc/zoneinfo that other parts of the OS layer keep. Names are the kernel's
/// (`nr_inactive_anon`).
class StatisticsSource {
public:
    virtual ~StatisticsSource() = default;
    /// A line of a node's "per-node stats".
    [[nodiscard]] virtual std::uint64_t node_statistic(NodeId node, std::string_view name) const {
        (void)node, (void)name;
        return 0;
    }
    /// A line of a zone that the page allocator does not count itself.
    [[nodiscard]] virtual std::uint64_t zone_statistic(const Zone& zone, std::string_view name) const {
        (void)zone, (void)name;
        return 0;
    }
    /// kswapd has given up on the node.
    [[nodiscard]] virtual bool node_unreclaimable(NodeId node) const {
        (void)node;
        return false;
    }
};

/// The text of /proc/zoneinfo, as Linux 6.1 prints it with Debian's configuration.
[[nodiscard]] std::string zoneinfo_text(const PageAllocator& allocator, const StatisticsSource& statistics);
/// /proc/buddyinfo
[[nodiscard]] std::string buddyinfo_text(const PageAllocator& allocator);
/// /proc/pagetypeinfo
[[nodiscard]] std::string pagetypeinfo_text(const PageAllocator& allocator);
/// /sys/devices/system/node/node<N>/numastat
[[nodiscard]] std::string numastat_text(const PageAllocator& allocator, NodeId node);
/// The lines of dmesg that tell in which order a node's requests fall back on other nodes.
[[nodiscard]] std::string fallback_order_text(const PageAllocator& allocator);

} // namespace pagewalk::os
