#pragma once

#include "base/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// A zone's counters as the zone-choice workload read them before an operation.
struct ZoneReading {
    unsigned node = 0, zone = 0;
    std::int64_t free_pages = 0; ///< the global counter only
    std::uint64_t boost = 0, highatomic = 0;
    std::int64_t pcp_pages = 0;
};

/// One allocation that the zone-choice workload logged.
struct LoggedAllocation {
    std::uint64_t sequence = 0;
    std::uint32_t mask = 0;
    unsigned order = 0;
    int node = -1; ///< -1 = the CPU's own
    Pfn frame = no_pfn;
    std::size_t phase = 0; ///< index in WorkloadLog::phases
    std::vector<ZoneReading> readings;
};

struct LoggedZonelist {
    unsigned node = 0;
    bool this_node_only = false;
    std::vector<std::pair<unsigned, unsigned>> zones; ///< node and the kernel's zone number
};

/// A capture's gtlog, as far as the page allocator's replay needs it.
struct WorkloadLog {
    std::vector<LoggedAllocation> allocations; ///< empty unless the workload was one of zone choice
    std::vector<LoggedZonelist> zonelists;
    std::vector<std::string> phases;

    /// Errors: InputError naming `name`, the line and the field.
    [[nodiscard]] static WorkloadLog parse(std::string_view text, const std::string& name);
};

} // namespace pagewalk::os
