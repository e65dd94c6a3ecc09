#include "os/page/memory_map.h"

#include "base/error.h"
#include "os/page/page_map.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace pagewalk::os {
namespace {

struct NodeFrames {
    NodeId node{};
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

struct ZoneLimits {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

constexpr std::uint64_t dma_end = (16ULL << 20) >> page_shift;
constexpr std::uint64_t dma32_end = (4ULL << 30) >> page_shift;

/// Usable memory cut at node boundaries, ascending.
std::vector<NodeFrames> node_frames(const MemoryMap& map) {
    std::vector<NodeFrames> result;
    for (const auto& [begin, end] : usable_frames(map)) {
        if (map.numa.empty()) {
            result.push_back({NodeId{0}, begin.value(), end.value()});
            continue;
        }
        for (const NumaRange& numa : map.numa) {
            const std::uint64_t low = std::max(begin.value(), pfn_of(numa.range.begin).value());
            const std::uint64_t high = std::min(end.value(), pfn_of(numa.range.end).value());
            if (low < high) result.push_back({numa.node, low, high});
        }
    }
    std::ranges::sort(result, {}, &NodeFrames::begin);
    return result;
}

std::array<ZoneLimits, zone_type_count> zone_limits(const MemoryMap& map, std::uint64_t end) {
    std::array<ZoneLimits, zone_type_count> limits{};
    std::array<std::uint64_t, zone_type_count> highest{};
    const std::uint64_t lowmem = std::min(end, pfn_of(PhysAddr(map.lowmem_bytes)).value());
    highest[index_of(ZoneType::Dma)] = std::min(dma_end, end);
    highest[index_of(ZoneType::Dma32)] = std::min(dma32_end, end);
    highest[index_of(ZoneType::Normal)] = map.layout == ZoneLayout::I386 ? lowmem : end;
    highest[index_of(ZoneType::HighMem)] = end;
    std::uint64_t low = 0;
    for (const ZoneType type : {ZoneType::Dma, ZoneType::Dma32, ZoneType::Normal, ZoneType::HighMem}) {
        if (!has_zone(map.layout, type)) continue;
        const std::uint64_t high = std::max(low, highest[index_of(type)]);
        limits[index_of(type)] = {low, high};
        low = high;
    }
    return limits;
}

/// The zone that ZONE_MOVABLE is cut from: the highest that is not empty.
ZoneType zone_below_movable(const std::array<ZoneLimits, zone_type_count>& limits) {
    for (std::size_t i = zone_type_count; i-- > 0;)
        if (limits[i].high > limits[i].low) return static_cast<ZoneType>(i);
    return ZoneType::Normal;
}

/// First frame of ZONE_MOVABLE on each node, 0 = none. The kernel's part is spread evenly over the nodes;
/// what a node cannot give is asked of the others in another round.
std::vector<std::uint64_t> movable_starts(const MemoryMap& map, const std::vector<NodeFrames>& memory,
                                          std::uint64_t lowest_movable) {
    std::vector<std::uint64_t> start(map.node_count(), 0);
    std::vector<std::uint64_t> node_end(map.node_count(), 0);
    std::uint64_t total = 0;
    for (const NodeFrames& range : memory) {
        total += range.end - range.begin;
        node_end[index_of(range.node)] = std::max(node_end[index_of(range.node)], range.end);
    }
    std::uint64_t kernelcore = map.kernelcore_bytes.value_or(0) >> page_shift;
    if (map.movablecore_bytes) {
        const std::uint64_t wanted = *map.movablecore_bytes >> page_shift;
        const std::uint64_t rounded = (wanted + max_order_pages - 1) / max_order_pages * max_order_pages;
        kernelcore = std::max(kernelcore, total - std::min(total, rounded));
    }
    if (kernelcore == 0 || kernelcore >= total) return start;

    auto nodes_left =
        static_cast<std::uint64_t>(std::ranges::count_if(node_end, [](auto end) { return end != 0; }));
    do {
        std::uint64_t per_node = kernelcore / nodes_left;
        for (std::size_t node = 0; node < start.size(); ++node) {
            if (node_end[node] == 0) continue;
            if (kernelcore < per_node) per_node = kernelcore / nodes_left;
            std::uint64_t remaining = per_node;
            for (const NodeFrames& range : memory) {
                if (index_of(range.node) != node) continue;
                std::uint64_t begin = std::max(range.begin, start[node]);
                if (begin >= range.end) continue;
                if (begin < lowest_movable) {
                    const std::uint64_t kernel_only = std::min(range.end, lowest_movable) - begin;
                    remaining -= std::min(kernel_only, remaining);
                    kernelcore -= std::min(kernel_only, kernelcore);
                    if (range.end <= lowest_movable) {
                        start[node] = range.end; // counted: not again in the next round
                        continue;
                    }
                    begin = lowest_movable;
                }
                const std::uint64_t taken = std::min(range.end - begin, remaining);
                start[node] = begin + taken;
                kernelcore -= std::min(kernelcore, taken);
                remaining -= taken;
                if (remaining == 0) break;
            }
        }
        --nodes_left;
    } while (nodes_left != 0 && kernelcore > nodes_left);

    for (std::size_t node = 0; node < start.size(); ++node) {
        start[node] = (start[node] + max_order_pages - 1) / max_order_pages * max_order_pages;
        if (start[node] >= node_end[node]) start[node] = 0;
    }
    return start;
}

} // namespace

std::size_t MemoryMap::node_count() const {
    std::size_t count = 1;
    for (const NumaRange& range : numa) count = std::max(count, index_of(range.node) + 1);
    for (const NodeId node : cpus) count = std::max(count, index_of(node) + 1);
    return std::max(count, distances.size());
}

unsigned MemoryMap::distance(NodeId from, NodeId to) const {
    if (!distances.empty()) return distances[index_of(from)][index_of(to)];
    // ACPI: LOCAL_DISTANCE and REMOTE_DISTANCE, what Linux assumes without a SLIT.
    return from == to ? 10 : 20;
}

void MemoryMap::validate() const {
    const auto range_text = [](const PhysRange& range) {
        return std::to_string(range.begin.value()) + "-" + std::to_string(range.end.value());
    };
    if (usable.empty()) throw ConfigError("memory map: there is no usable memory");
    for (std::size_t i = 0; i < usable.size(); ++i) {
        if (usable[i].begin >= usable[i].end)
            throw ConfigError("memory map: usable range " + range_text(usable[i]) + " is empty");
        if (i != 0 && usable[i - 1].end > usable[i].begin)
            throw ConfigError("memory map: usable ranges " + range_text(usable[i - 1]) + " and " +
                              range_text(usable[i]) + " overlap or are not ascending");
    }
    for (const NumaRange& range : numa)
        if (range.range.begin >= range.range.end)
            throw ConfigError("memory map: NUMA range " + range_text(range.range) + " is empty");
    for (std::size_t i = 0; i < numa.size(); ++i)
        for (std::size_t j = i + 1; j < numa.size(); ++j)
            if (numa[i].range.begin < numa[j].range.end && numa[j].range.begin < numa[i].range.end)
                throw ConfigError("memory map: NUMA ranges " + range_text(numa[i].range) + " and " +
                                  range_text(numa[j].range) + " overlap");
    if (cpus.empty()) throw ConfigError("memory map: a machine has at least one CPU");
    const std::size_t nodes = node_count();
    if (!distances.empty() && distances.size() != nodes)
        throw ConfigError("memory map: the distance table has " + std::to_string(distances.size()) +
                          " rows for " + std::to_string(nodes) + " nodes");
    for (const auto& row : distances)
        if (row.size() != nodes)
            throw ConfigError("memory map: a row of the distance table has " + std::to_string(row.size()) +
                              " columns for " + std::to_string(nodes) + " nodes");
    if (kernelcore_bytes && movablecore_bytes)
        throw ConfigError("memory map: kernelcore and movablecore exclude each other; give one of them");
}

std::vector<std::pair<Pfn, Pfn>> usable_frames(const MemoryMap& map) {
    std::vector<std::pair<Pfn, Pfn>> result;
    for (const PhysRange& range : map.usable) {
        const Pfn begin = pfn_of(range.begin + (page_size - 1));
        const Pfn end = pfn_of(range.end);
        if (begin < end) result.emplace_back(begin, end);
    }
    return result;
}

std::vector<ZoneRange> lay_out_zones(const MemoryMap& map) {
    const std::vector<NodeFrames> memory = node_frames(map);
    std::uint64_t end = 0;
    for (const NodeFrames& range : memory) end = std::max(end, range.end);
    std::array<ZoneLimits, zone_type_count> limits = zone_limits(map, end);
    const ZoneType below = zone_below_movable(limits);
    const std::vector<std::uint64_t> movable = movable_starts(map, memory, limits[index_of(below)].low);

    std::vector<ZoneRange> zones;
    for (std::size_t node = 0; node < map.node_count(); ++node) {
        std::uint64_t node_begin = std::numeric_limits<std::uint64_t>::max();
        std::uint64_t node_end = 0;
        for (const NodeFrames& range : memory)
            if (index_of(range.node) == node) {
                node_begin = std::min(node_begin, range.begin);
                node_end = std::max(node_end, range.end);
            }
        if (node_end == 0) continue;
        for (std::size_t i = 0; i < zone_type_count; ++i) {
            const auto type = static_cast<ZoneType>(i);
            if (!has_zone(map.layout, type)) continue;
            std::uint64_t low = std::clamp(node_begin, limits[i].low, limits[i].high);
            std::uint64_t high = std::clamp(node_end, limits[i].low, limits[i].high);
            if (type == ZoneType::Movable) {
                if (movable[node] == 0) continue;
                low = movable[node];
                high = std::min(node_end, limits[index_of(below)].high);
            } else if (movable[node] != 0) {
                if (low < movable[node] && high > movable[node])
                    high = movable[node];
                else if (low >= movable[node])
                    continue;
            }
            if (low >= high) continue;
            ZoneRange zone{static_cast<NodeId>(node), type, Pfn(low), Pfn(high), 0};
            for (const NodeFrames& range : memory) {
                if (index_of(range.node) != node) continue;
                const std::uint64_t first = std::max(range.begin, low);
                const std::uint64_t last = std::min(range.end, high);
                if (first < last) zone.present += last - first;
            }
            if (zone.present != 0) zones.push_back(zone);
        }
    }
    return zones;
}

} // namespace pagewalk::os
