#pragma once

#include "os/slab/page_source.h"

#include <cstdint>
#include <map>
#include <vector>

namespace pagewalk::os {

/// Pages from one counter a node; freed blocks are reused last in first out. Knows what is out.
class SimplePages final : public PageSource {
public:
    static constexpr std::uint64_t frames_per_node = 1ULL << 20;

    explicit SimplePages(std::size_t cpus = 1, std::size_t nodes = 1)
        : m_cpus(cpus), m_free(nodes), m_next(nodes, 16) {
        for (std::size_t node = 0; node < nodes; ++node) {
            std::vector<NodeId> order;
            for (std::size_t i = 0; i < nodes; ++i) order.push_back(static_cast<NodeId>((node + i) % nodes));
            m_fallback.push_back(order);
        }
    }

    std::optional<Pfn> allocate(const PageRequest& request) override {
        requests.push_back(request);
        if (request.order > largest_order) return std::nullopt;
        if (blocks_left == 0) return std::nullopt;
        const std::size_t node = index_of(request.node == any_node ? node_of(request.cpu) : request.node);
        if (!request.gfp.any(gfp::direct_reclaim) && node == empty_node) return std::nullopt;
        --blocks_left;
        std::vector<Pfn>& free = m_free[node][request.order];
        Pfn frame;
        if (free.empty()) {
            const std::uint64_t blocks = 1ULL << request.order;
            m_next[node] = (m_next[node] + blocks - 1) / blocks * blocks;
            frame = Pfn(node * frames_per_node + m_next[node]);
            m_next[node] += blocks;
        } else {
            frame = free.back();
            free.pop_back();
        }
        out[frame] = request.order;
        return frame;
    }
    void free(Pfn frame, unsigned order, CpuId) override {
        const auto found = out.find(frame);
        if (found == out.end() || found->second != order) {
            ++bad_frees;
            return;
        }
        out.erase(found);
        ++blocks_left;
        m_free[index_of(node_of(frame))][order].push_back(frame);
    }
    std::size_t cpu_count() const override { return m_cpus; }
    std::size_t node_count() const override { return m_free.size(); }
    NodeId node_of(CpuId cpu) const override {
        return static_cast<NodeId>(index_of(cpu) * m_free.size() / m_cpus);
    }
    NodeId node_of(Pfn frame) const override { return static_cast<NodeId>(frame.value() / frames_per_node); }
    std::span<const NodeId> fallback_order(NodeId node) const override { return m_fallback[index_of(node)]; }

    std::map<Pfn, unsigned> out; ///< blocks handed out, with their orders
    std::vector<PageRequest> requests;
    std::uint64_t bad_frees = 0;
    std::uint64_t blocks_left = ~0ULL;
    unsigned largest_order = 10;
    std::size_t empty_node = ~std::size_t{0}; ///< a node that gives nothing to requests that cannot reclaim

private:
    std::size_t m_cpus;
    std::vector<std::map<unsigned, std::vector<Pfn>>> m_free;
    std::vector<std::uint64_t> m_next;
    std::vector<std::vector<NodeId>> m_fallback;
};

} // namespace pagewalk::os
