#include "os/proc/page_files.h"

#include "os/proc/node_statistics.h"

#include <algorithm>
#include <array>
#include <span>

namespace pagewalk::os {
namespace {

constexpr std::array<std::string_view, 9> zone_statistics{
    "nr_zone_inactive_anon",
    "nr_zone_active_anon",
    "nr_zone_inactive_file",
    "nr_zone_active_file",
    "nr_zone_unevictable",
    "nr_zone_write_pending",
    "nr_mlock",
    "nr_bounce",
    "nr_zspages",
};

constexpr std::uint64_t section_pages = 32768; // 128 MiB, SPARSEMEM on x86

std::string padded_left(std::string_view text, std::size_t width) {
    return std::string(width > text.size() ? width - text.size() : 0, ' ') + std::string(text);
}

std::string padded_right(std::string_view text, std::size_t width) {
    return std::string(text) + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

std::string zone_head(NodeId node, ZoneType type) {
    return "Node " + std::to_string(pagewalk::index_of(node)) + ", zone " + padded_left(name_of(type), 8);
}

std::string statistic_line(std::string_view name, std::uint64_t value) {
    return "\n      " + padded_right(name, 12) + " " + std::to_string(value);
}

bool has_memory(const PageAllocator& allocator, NodeId node) {
    return std::ranges::any_of(allocator.zones(),
                               [node](const auto& zone) { return zone->node == node && zone->populated(); });
}

std::string zone_sizes(const PageAllocator& allocator, const Zone& zone) {
    std::string text = "\n  pages free     " + std::to_string(std::max<std::int64_t>(zone.free_pages, 0)) +
                       "\n        boost    " + std::to_string(zone.boost) + "\n        min      " +
                       std::to_string(zone.watermark(Watermark::Min)) + "\n        low      " +
                       std::to_string(zone.watermark(Watermark::Low)) + "\n        high     " +
                       std::to_string(zone.watermark(Watermark::High)) + "\n        spanned  " +
                       std::to_string(zone.spanned) + "\n        present  " + std::to_string(zone.present) +
                       "\n        managed  " + std::to_string(zone.managed) + "\n        cma      " +
                       std::to_string(zone.cma_pages) + "\n        protection: (";
    bool first = true;
    for (std::size_t type = 0; type < zone_type_count; ++type) {
        if (!has_zone(allocator.layout(), static_cast<ZoneType>(type))) continue;
        if (!first) text += ", ";
        first = false;
        text += std::to_string(zone.lowmem_reserve[type]);
    }
    return text + ")";
}

std::string zone_statistics_text(const PageAllocator& allocator, const Zone& zone,
                                 const StatisticsSource& statistics) {
    std::string text = statistic_line("nr_free_pages",
                                      static_cast<std::uint64_t>(std::max<std::int64_t>(zone.free_pages, 0)));
    for (const std::string_view name : zone_statistics)
        text += statistic_line(name, statistics.zone_statistic(zone, name));
    text += statistic_line("nr_free_cma", static_cast<std::uint64_t>(zone.free_cma_pages));
    if (allocator.layout() == ZoneLayout::X86_64) {
        text += statistic_line("numa_hit", zone.counters.numa_hit);
        text += statistic_line("numa_miss", zone.counters.numa_miss);
        text += statistic_line("numa_foreign", zone.counters.numa_foreign);
        text += statistic_line("numa_interleave", statistics.zone_statistic(zone, "numa_interleave"));
        text += statistic_line("numa_local", zone.counters.numa_local);
        text += statistic_line("numa_other", zone.counters.numa_other);
    }
    text += "\n  pagesets";
    for (std::size_t cpu = 0; cpu < zone.pcp.size(); ++cpu) {
        const PerCpuPages& lists = zone.pcp[static_cast<CpuId>(cpu)];
        text += "\n    cpu: " + std::to_string(cpu) +
                "\n              count: " + std::to_string(lists.count) +
                "\n              high:  " + std::to_string(lists.high) +
                "\n              batch: " + std::to_string(lists.batch) +
                "\n  vm stats threshold: " + std::to_string(zone.stat_threshold);
    }
    text += std::string("\n  node_unreclaimable:  ") +
            (statistics.node_unreclaimable(zone.node) ? "1" : "0") +
            "\n  start_pfn:           " + std::to_string(zone.start.value());
    return text;
}

/// Types that the kernel was built with: no CMA in Debian's configuration.
std::span<const Migratetype> shown_types() {
    static constexpr std::array types{Migratetype::Unmovable, Migratetype::Movable, Migratetype::Reclaimable,
                                      Migratetype::HighAtomic, Migratetype::Isolate};
    return types;
}

constexpr std::uint64_t counted_at_most = 100000; // the kernel stops there and says so

std::uint64_t list_length(const FrameList& list, const PageMap& pages) {
    std::uint64_t length = 0;
    for (std::uint32_t frame = list.first(); frame != FrameList::none && length < counted_at_most;
         frame = pages.peek(frame).next)
        ++length;
    return length;
}

/// The zone's pageblocks by type. The memory map covers whole sections, holes included.
std::array<std::uint64_t, migratetype_count> count_pageblocks(const PageMap& pages, const Zone& zone) {
    std::array<std::uint64_t, migratetype_count> counts{};
    for (std::uint64_t frame = zone.start.value(); frame < zone.end().value();) {
        const std::uint64_t section = frame / section_pages * section_pages;
        const std::uint64_t end = std::min(section + section_pages, zone.end().value());
        const bool mapped = pages.has_memory(section, std::min(section + section_pages, pages.end().value()));
        for (; frame < end; frame += pages.pageblock_pages())
            if (mapped) ++counts[static_cast<std::size_t>(pages.pageblock_type(frame))];
    }
    return counts;
}

/// Has memory or a CPU: nodes' numbers may have holes, and the kernel shows what is online.
bool is_online(const PageAllocator& allocator, NodeId node) {
    return has_memory(allocator, node) || std::ranges::find(allocator.cpus(), node) != allocator.cpus().end();
}

} // namespace

std::string zoneinfo_text(const PageAllocator& allocator, const StatisticsSource& statistics) {
    std::string text;
    const bool numa = allocator.layout() == ZoneLayout::X86_64;
    for (std::size_t node = 0; node < allocator.node_count(); ++node) {
        const auto id = static_cast<NodeId>(node);
        if (!is_online(allocator, id)) continue;
        bool first_populated = true;
        for (std::size_t i = 0; i < zone_type_count; ++i) {
            const auto type = static_cast<ZoneType>(i);
            if (!has_zone(allocator.layout(), type)) continue;
            text += zone_head(id, type);
            const Zone* const zone = allocator.find_zone(id, type);
            if (!zone || !zone->populated()) {
                Zone empty;
                // The clamp that keeps high memory's min small holds for an empty zone too.
                if (allocator.layout() == ZoneLayout::I386 && type == ZoneType::Movable)
                    empty.watermarks = {32, 32, 32, 32};
                text += zone_sizes(allocator, empty) + "\n";
                continue;
            }
            if (first_populated) {
                text += "\n  per-node stats";
                for (std::size_t s = 0; s < (numa ? node_statistics.size() : node_statistics_without_numa);
                     ++s)
                    text +=
                        statistic_line(node_statistics[s], statistics.node_statistic(id, node_statistics[s]));
                first_populated = false;
            }
            text += zone_sizes(allocator, *zone) + zone_statistics_text(allocator, *zone, statistics) + "\n";
        }
    }
    return text;
}

std::string buddyinfo_text(const PageAllocator& allocator) {
    std::string text;
    for (const auto& zone : allocator.zones()) {
        if (!zone->populated()) continue;
        text += zone_head(zone->node, zone->type) + " ";
        for (const FreeArea& area : zone->areas) text += padded_left(std::to_string(area.count), 6) + " ";
        text += "\n";
    }
    return text;
}

std::string pagetypeinfo_text(const PageAllocator& allocator) {
    const PageMap& pages = allocator.pages();
    std::string text;
    for (std::size_t node = 0; node < allocator.node_count(); ++node) {
        const auto id = static_cast<NodeId>(node);
        if (!has_memory(allocator, id)) continue;
        text += "Page block order: " + std::to_string(pages.pageblock_order()) +
                "\nPages per block:  " + std::to_string(pages.pageblock_pages()) + "\n\n";
        text += padded_right("Free pages count per migrate type at order", 43) + " ";
        for (unsigned order = 0; order < max_order; ++order)
            text += padded_left(std::to_string(order), 6) + " ";
        text += "\n";
        for (const auto& zone : allocator.zones()) {
            if (zone->node != id || !zone->populated()) continue;
            for (const Migratetype type : shown_types()) {
                text += "Node " + padded_left(std::to_string(node), 4) + ", zone " +
                        padded_left(name_of(zone->type), 8) + ", type " + padded_left(name_of(type), 12) +
                        " ";
                for (const FreeArea& area : zone->areas) {
                    const std::uint64_t length =
                        list_length(area.lists[static_cast<std::size_t>(type)], pages);
                    text +=
                        (length >= counted_at_most ? ">" : "") + padded_left(std::to_string(length), 6) + " ";
                }
                text += "\n";
            }
        }
        text += "\n" + padded_right("Number of blocks type ", 23);
        for (const Migratetype type : shown_types()) text += padded_left(name_of(type), 12) + " ";
        text += "\n";
        for (const auto& zone : allocator.zones()) {
            if (zone->node != id || !zone->populated()) continue;
            const auto counts = count_pageblocks(pages, *zone);
            text += zone_head(id, zone->type) + " ";
            for (const Migratetype type : shown_types())
                text += padded_left(std::to_string(counts[static_cast<std::size_t>(type)]), 12) + " ";
            text += "\n";
        }
    }
    return text;
}

std::string numastat_text(const PageAllocator& allocator, NodeId node) {
    ZoneCounters sum;
    for (const auto& zone : allocator.zones()) {
        if (zone->node != node) continue;
        sum.numa_hit += zone->counters.numa_hit;
        sum.numa_miss += zone->counters.numa_miss;
        sum.numa_foreign += zone->counters.numa_foreign;
        sum.numa_local += zone->counters.numa_local;
        sum.numa_other += zone->counters.numa_other;
    }
    return "numa_hit " + std::to_string(sum.numa_hit) + "\nnuma_miss " + std::to_string(sum.numa_miss) +
           "\nnuma_foreign " + std::to_string(sum.numa_foreign) + "\ninterleave_hit 0\nlocal_node " +
           std::to_string(sum.numa_local) + "\nother_node " + std::to_string(sum.numa_other) + "\n";
}

std::string fallback_order_text(const PageAllocator& allocator) {
    std::string text;
    for (std::size_t node = 0; node < allocator.node_count(); ++node) {
        if (!has_memory(allocator, static_cast<NodeId>(node))) continue;
        text += "Fallback order for Node " + std::to_string(node) + ": ";
        for (const NodeId next : allocator.node_order()[node]) text += std::to_string(index_of(next)) + " ";
        text += "\n";
    }
    return text;
}

} // namespace pagewalk::os
