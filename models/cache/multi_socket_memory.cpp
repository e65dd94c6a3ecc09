#include "models/cache/multi_socket_memory.h"

#include "base/error.h"

#include <string>
#include <utility>

namespace pagewalk::models {

MultiSocketMemory::MultiSocketMemory(Topology topology, IndexedVec<SocketId, SharedCache*> caches,
                                     const SocketLinkConfig& link)
    : m_topology(std::move(topology)), m_caches(std::move(caches)) {
    PAGEWALK_INVARIANT(m_topology.socket_of_node.size() >= m_topology.map.node_count());
    for (SocketId socket : m_topology.socket_of_node) PAGEWALK_INVARIANT(m_caches.contains(socket));
    for (SocketId socket : m_topology.socket_of_cpu) PAGEWALK_INVARIANT(m_caches.contains(socket));
    for (SocketId socket : m_topology.socket_of_device) PAGEWALK_INVARIANT(m_caches.contains(socket));
    for (const SharedCache* cache : m_caches) m_wants_clean_victims |= cache->wants_clean_victims();
    m_links.assign(m_caches.size() * (m_caches.size() - 1) / 2, SocketLink(link));
}

LineResponse MultiSocketMemory::request(const LineRequest& request) {
    const SocketId home = home_of(request.line);
    const SocketId from = socket_of(request.requester);
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
    const SocketId home = home_of(line.line);
    const SocketId from = socket_of(line.requester);
    LineRequest crossed = line;
    // A clean line's going is news for the directory alone; it rides on other messages.
    if (home != from && dirty == SnoopTarget::Dirty::Yes)
        crossed.time = cross(from, home, line_size, line.time);
    m_caches[home]->evict(crossed, dirty, retained);
}

void MultiSocketMemory::attach(CpuId cpu, SnoopTarget& target) {
    const SocketId own = socket_of(cpu);
    for (std::size_t i = 0; i < m_caches.size(); ++i) {
        const auto socket = static_cast<SocketId>(i);
        // Another socket's core is asked through its own directory.
        const Tick distance =
            socket == own ? Tick()
                          : m_links[link_index(socket, own)].latency() * 2 + m_caches[own]->look_up_time();
        m_caches[socket]->attach(cpu, target, distance);
    }
}

void MultiSocketMemory::declare(StatGroup group) const {
    for (std::size_t high = 1; high < m_caches.size(); ++high)
        for (std::size_t low = 0; low < high; ++low)
            m_links[link_index(static_cast<SocketId>(low), static_cast<SocketId>(high))].declare(
                group.group("link" + std::to_string(low) + "_" + std::to_string(high)));
}

} // namespace pagewalk::models
