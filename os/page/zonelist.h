#pragma once

#include "base/ids.h"
#include "os/page/zone.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// A set of NUMA nodes.
class NodeMask {
public:
    constexpr NodeMask() = default;
    explicit constexpr NodeMask(std::uint64_t bits) : m_bits(bits) {}
    [[nodiscard]] static constexpr NodeMask all() { return NodeMask(~0ULL); }

    [[nodiscard]] constexpr bool contains(NodeId node) const { return (m_bits >> index_of(node) & 1) != 0; }
    constexpr void insert(NodeId node) { m_bits |= 1ULL << index_of(node); }
    [[nodiscard]] constexpr bool empty() const { return m_bits == 0; }
    [[nodiscard]] constexpr std::uint64_t bits() const { return m_bits; }
    constexpr bool operator==(const NodeMask&) const = default;

private:
    std::uint64_t m_bits = 0;
};

inline constexpr std::size_t max_nodes = 64;

/// Zones in the order in which a node's requests try them.
using Zonelist = std::vector<Zone*>;

/// Nodes in fallback order for each node: nearest first; among equals, nodes without CPUs, then round-robin
/// so that neighbours do not all fall back to the same node. `distance[i][j]` as in the SLIT. Source:
/// behaviour of Linux 6.1, "Fallback order for Node" lines of its boot log.
[[nodiscard]] std::vector<std::vector<NodeId>>
fallback_order(const std::vector<std::vector<unsigned>>& distance, const std::vector<bool>& has_memory,
               const std::vector<bool>& has_cpus);

} // namespace pagewalk::os
