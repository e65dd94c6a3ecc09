#pragma once

#include "base/ids.h"
#include "models/cache/coherent_memory.h"
#include "models/cache/shared_cache.h"
#include "models/interconnect/numa_map.h"
#include "models/interconnect/socket_link.h"

#include <memory>
#include <vector>

namespace pagewalk::models {

/// Index of a processor package.
enum class SocketId : std::uint16_t {};
/// Index of a cluster: CPUs with a last-level cache and memory of their own. A socket is one, or is made of
/// several (AMD's nodes per socket, Intel's sub-NUMA clusters).
enum class ClusterId : std::uint16_t {};

/// Several clusters, of one or more sockets, as one shared memory system. Each line has one home: the
/// last-level cache and directory of the cluster whose node owns its address. A request from another cluster
/// crosses the link between the two and so does its answer; what it finds there counts as RemoteCache or
/// RemoteMemory. Every two clusters of a socket have a link of their own; all clusters of two sockets share
/// the one between these.
///
/// Approximation: a cluster's LLC keeps lines of its own memory only (real ones also keep remote lines), so a
/// core's re-use of remote data beyond its L2 always crosses the link. Snoops of another cluster's cores pay
/// the link's latency both ways and a look-up there, but take none of the link's bandwidth.
class MultiSocketMemory final : public CoherentMemory {
public:
    struct Topology {
        NumaMap map;
        IndexedVec<NodeId, ClusterId> cluster_of_node = {};
        IndexedVec<CpuId, ClusterId> cluster_of_cpu = {};
        IndexedVec<DeviceId, ClusterId> cluster_of_device = {}; ///< those beyond it are in cluster 0
        IndexedVec<ClusterId, SocketId> socket_of_cluster = {};
    };
    /// `caches`: by cluster; must outlive it.
    MultiSocketMemory(Topology topology, IndexedVec<ClusterId, SharedCache*> caches,
                      const SocketLinksConfig& links);

    LineResponse request(const LineRequest& request) override;
    void evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) override;
    [[nodiscard]] bool wants_clean_victims() const override { return m_wants_clean_victims; }
    void attach(CpuId cpu, SnoopTarget& target) override;

    /// Of the link between two different clusters.
    [[nodiscard]] const SocketLinkStats& link_stats(ClusterId a, ClusterId b) const {
        return link(a, b).stats();
    }
    /// One group for each link: link0_1, ... of `sockets`, and of those clusters that share a socket.
    void declare(const StatGroup& sockets, const StatGroup& clusters) const;

private:
    [[nodiscard]] ClusterId cluster_of(RequesterId requester) const {
        if (!requester.is_device()) [[likely]]
            return m_topology.cluster_of_cpu[requester.cpu()];
        const DeviceId device = requester.device();
        const auto& clusters = m_topology.cluster_of_device;
        return clusters.contains(device) ? clusters[device] : ClusterId{0};
    }
    [[nodiscard]] ClusterId home_of(PhysAddr line) const {
        return m_topology.cluster_of_node[m_topology.map.node_of(line)];
    }
    template <class Id>
    [[nodiscard]] static std::size_t pair_index(Id a, Id b) {
        const std::size_t low = std::min(index_of(a), index_of(b));
        const std::size_t high = std::max(index_of(a), index_of(b));
        return high * (high - 1) / 2 + low;
    }
    [[nodiscard]] const SocketLink& link(ClusterId a, ClusterId b) const {
        return m_links[m_link_of_clusters[pair_index(a, b)]];
    }
    Tick cross(ClusterId from, ClusterId to, std::uint64_t payload, Tick time) {
        return m_links[m_link_of_clusters[pair_index(from, to)]].send(
            from < to ? SocketLink::Direction::Forth : SocketLink::Direction::Back, payload, time);
    }
    void make_links(const SocketLinksConfig& links);

    Topology m_topology;
    IndexedVec<ClusterId, SharedCache*> m_caches;
    std::vector<SocketLink> m_links;             ///< of sockets, then of clusters
    std::vector<std::size_t> m_link_of_clusters; ///< in m_links, by pair
    bool m_wants_clean_victims = false;
};

} // namespace pagewalk::models
