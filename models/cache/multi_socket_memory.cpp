#include "models/cache/multi_socket_memory.h"

#include "base/error.h"

#include <algorithm>
#include <string>
#include <utility>

namespace pagewalk::models {

namespace {

std::string link_name(std::size_t low, std::size_t high) {
    return "link" + std::to_string(low) + "_" + std::to_string(high);
}

} // namespace

MultiSocketMemory::MultiSocketMemory(Topology topology, IndexedVec<ClusterId, SharedCache*> caches,
                                     const SocketLinksConfig& links)
    : m_topology(std::move(topology)), m_caches(std::move(caches)) {
    PAGEWALK_INVARIANT(m_topology.cluster_of_node.size() >= m_topology.map.node_count());
    PAGEWALK_INVARIANT(m_topology.socket_of_cluster.size() == m_caches.size());
    for (ClusterId cluster : m_topology.cluster_of_node) PAGEWALK_INVARIANT(m_caches.contains(cluster));
    for (ClusterId cluster : m_topology.cluster_of_cpu) PAGEWALK_INVARIANT(m_caches.contains(cluster));
    for (ClusterId cluster : m_topology.cluster_of_device) PAGEWALK_INVARIANT(m_caches.contains(cluster));
    for (const SharedCache* cache : m_caches) m_wants_clean_victims |= cache->wants_clean_victims();
    make_links(links);
}

void MultiSocketMemory::make_links(const SocketLinksConfig& links) {
    const IndexedVec<ClusterId, SocketId>& sockets = m_topology.socket_of_cluster;
    const std::size_t count = index_of(std::ranges::max(sockets)) + 1;
    m_links.assign(count * (count - 1) / 2, SocketLink(links.sockets));
    for (std::size_t high = 1; high < sockets.size(); ++high)
        for (std::size_t low = 0; low < high; ++low) {
            const SocketId a = sockets[static_cast<ClusterId>(low)];
            const SocketId b = sockets[static_cast<ClusterId>(high)];
            m_link_of_clusters.push_back(a == b ? m_links.size() : pair_index(a, b));
            if (a == b) m_links.emplace_back(links.clusters);
        }
}

LineResponse MultiSocketMemory::request(const LineRequest& request) {
    const ClusterId home = home_of(request.line);
    const ClusterId from = cluster_of(request.requester);
    if (home == from) return m_caches[home]->request(request);

    LineRequest crossed = request;
    const bool brings_data = request.kind == AccessKind::WriteBack;
    crossed.time = cross(from, home, brings_data ? line_size : 0, request.time);
    LineResponse response = m_caches[home]->request(crossed);
    if (brings_data) return response;
    response.ready = cross(home, from, line_size, response.ready);
    if (response.level == HitLevel::Memory) response.level = HitLevel::RemoteMemory;
    if (response.level == HitLevel::Llc) response.level = HitLevel::RemoteCache;
    return response;
}

void MultiSocketMemory::evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) {
    const ClusterId home = home_of(line.line);
    const ClusterId from = cluster_of(line.requester);
    LineRequest crossed = line;
    // A clean line's going is news for the directory alone; it rides on other messages.
    if (home != from && dirty == SnoopTarget::Dirty::Yes)
        crossed.time = cross(from, home, line_size, line.time);
    m_caches[home]->evict(crossed, dirty, retained);
}

void MultiSocketMemory::attach(CpuId cpu, SnoopTarget& target) {
    const ClusterId own = cluster_of(cpu);
    for (std::size_t i = 0; i < m_caches.size(); ++i) {
        const auto cluster = static_cast<ClusterId>(i);
        // Another cluster's core is asked through its own directory.
        const Tick distance =
            cluster == own ? Tick() : link(cluster, own).latency() * 2 + m_caches[own]->look_up_time();
        m_caches[cluster]->attach(cpu, target, distance);
    }
}

void MultiSocketMemory::declare(const StatGroup& sockets, const StatGroup& clusters) const {
    const auto& socket_of = m_topology.socket_of_cluster;
    for (std::size_t high = 1; high < m_caches.size(); ++high)
        for (std::size_t low = 0; low < high; ++low) {
            const auto a = static_cast<ClusterId>(low), b = static_cast<ClusterId>(high);
            if (socket_of[a] == socket_of[b]) link(a, b).declare(clusters.group(link_name(low, high)));
        }
    const std::size_t count = index_of(std::ranges::max(socket_of)) + 1;
    for (std::size_t high = 1; high < count; ++high)
        for (std::size_t low = 0; low < high; ++low)
            m_links[pair_index(static_cast<SocketId>(low), static_cast<SocketId>(high))].declare(
                sockets.group(link_name(low, high)));
}

} // namespace pagewalk::models
