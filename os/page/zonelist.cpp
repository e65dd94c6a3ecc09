#include "os/page/zonelist.h"

#include <limits>

namespace pagewalk::os {

std::vector<std::vector<NodeId>> fallback_order(const std::vector<std::vector<unsigned>>& distance,
                                                const std::vector<bool>& has_memory,
                                                const std::vector<bool>& has_cpus) {
    // The kernel weighs distance above everything by multiplying with its largest node number
    // (CONFIG_NODES_SHIFT).
    constexpr std::uint64_t node_limit = 1024;
    const std::size_t count = distance.size();
    std::vector<std::vector<NodeId>> result(count);
    std::vector<std::uint64_t> load(count, 0);
    for (std::size_t local = 0; local < count; ++local) {
        std::vector<bool> used(count, false);
        std::size_t previous = local;
        std::size_t next = local; // the node itself comes first, with memory or without
        while (next != count) {
            used[next] = true;
            // The first node of each distance group is loaded, so that another node's list begins with its
            // sibling.
            if (distance[local][next] != distance[local][previous]) ++load[next];
            result[local].push_back(static_cast<NodeId>(next));
            previous = next;

            std::uint64_t best = std::numeric_limits<std::uint64_t>::max();
            next = count;
            for (std::size_t node = 0; node < count; ++node) {
                if (used[node] || !has_memory[node]) continue;
                const std::uint64_t weight =
                    (distance[local][node] + (node < local ? 1U : 0U) + (has_cpus[node] ? 1U : 0U)) *
                        node_limit +
                    load[node];
                if (weight < best) {
                    best = weight;
                    next = node;
                }
            }
        }
    }
    return result;
}

} // namespace pagewalk::os
