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

/// Several sockets as one shared memory system. Each line has one home: the last-level cache and directory of
/// the socket whose node owns its address. A request from another socket crosses the link between the two and
/// so does its answer; what it finds there counts as RemoteCache or RemoteMemory.
///
/// Approximation: a socket's LLC keeps lines of its own memory only (real ones also keep remote lines), so a
/// core's re-use of remote data beyond its L2 always crosses the link. Snoops of another socket's cores pay
/// the link's latency both ways and a look-up there, but take none of the link's bandwidth.
class MultiSocketMemory final : public CoherentMemory {
public:
    struct Topology {
        NumaMap map;
        IndexedVec<NodeId, SocketId> socket_of_node;
        IndexedVec<CpuId, SocketId> socket_of_cpu;
        IndexedVec<DeviceId, SocketId> socket_of_device = {}; ///< those beyond it are on socket 0
    };
    /// `caches`: by socket; must outlive it.
    MultiSocketMemory(Topology topology, IndexedVec<SocketId, SharedCache*> caches,
                      const SocketLinkConfig& link);

    LineResponse request(const LineRequest& request) override;
    void evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) override;
    [[nodiscard]] bool wants_clean_victims() const override { return m_wants_clean_victims; }
    void attach(CpuId cpu, SnoopTarget& target) override;

    /// Of the link between two different sockets.
    [[nodiscard]] const SocketLinkStats& link_stats(SocketId a, SocketId b) const {
        return m_links[link_index(a, b)].stats();
    }
    /// One group a link: link0_1, ...
    void declare(StatGroup group) const;

private:
    [[nodiscard]] SocketId socket_of(RequesterId requester) const {
        if (!requester.is_device()) [[likely]]
            return m_topology.socket_of_cpu[requester.cpu()];
        const DeviceId device = requester.device();
        const auto& sockets = m_topology.socket_of_device;
        return sockets.contains(device) ? sockets[device] : SocketId{0};
    }
    [[nodiscard]] SocketId home_of(PhysAddr line) const {
        return m_topology.socket_of_node[m_topology.map.node_of(line)];
    }
    [[nodiscard]] std::size_t link_index(SocketId a, SocketId b) const {
        const std::size_t low = std::min(index_of(a), index_of(b));
        const std::size_t high = std::max(index_of(a), index_of(b));
        return high * (high - 1) / 2 + low;
    }
    Tick cross(SocketId from, SocketId to, std::uint64_t payload, Tick time) {
        return m_links[link_index(from, to)].send(
            from < to ? SocketLink::Direction::Forth : SocketLink::Direction::Back, payload, time);
    }

    Topology m_topology;
    IndexedVec<SocketId, SharedCache*> m_caches;
    std::vector<SocketLink> m_links; // every pair
    bool m_wants_clean_victims = false;
};

} // namespace pagewalk::models
