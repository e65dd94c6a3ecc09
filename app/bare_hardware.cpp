#include "app/bare_hardware.h"

#include <algorithm>
#include <string>

namespace pagewalk::app {

namespace {

constexpr std::uint64_t large_page = 2ULL << 20;
constexpr std::uint64_t table_room = 64ULL << 20; ///< for page tables, at the start of node 0's range
constexpr std::uint64_t entry_flags = PageTableEntry::Present | PageTableEntry::Writable |
                                      PageTableEntry::User | PageTableEntry::Accessed | PageTableEntry::Dirty;

} // namespace

models::NumaMap numa_map(const os::MemoryMap& memory) {
    std::vector<models::NumaMap::Range> ranges;
    for (const os::NumaRange& numa : memory.numa)
        ranges.push_back({numa.range.begin, numa.range.end, numa.node});
    if (ranges.empty()) ranges.push_back({memory.usable.front().begin, memory.usable.back().end, NodeId{0}});
    return models::NumaMap(std::move(ranges));
}

models::MultiSocketMemory::Topology topology(const SystemConfig& config, const models::NumaMap& map) {
    models::MultiSocketMemory::Topology topology{.map = map};
    for (std::size_t cluster = 0; cluster < config.machine.cluster_count(); ++cluster) {
        topology.cluster_of_node.push_back(static_cast<models::ClusterId>(cluster));
        topology.socket_of_cluster.push_back(
            static_cast<models::SocketId>(cluster / config.machine.clusters));
    }
    if (config.cxl.memory != 0)
        topology.cluster_of_node.push_back(
            static_cast<models::ClusterId>(config.cxl.socket * config.machine.clusters));
    for (const NodeId node : config.os.memory.cpus)
        topology.cluster_of_cpu.push_back(static_cast<models::ClusterId>(index_of(node)));
    return topology;
}

BareHardware::BareHardware(const SystemConfig& config)
    : m_config(config), m_clock(config.cpu.core.frequency) {
    const models::NumaMap map = numa_map(config.os.memory);
    const std::size_t clusters = config.machine.cluster_count();
    const std::size_t cpus = config.machine.cpus;
    IndexedVec<NodeId, models::MemoryPort*> ports;
    for (std::size_t cluster = 0; cluster < clusters; ++cluster) {
        m_controllers.push_back(std::make_unique<models::DramController>(config.dram));
        ports.push_back(m_controllers.back().get());
    }
    if (config.cxl.memory != 0) {
        m_expander = std::make_unique<models::CxlExpander>(config.cxl);
        ports.push_back(m_expander.get());
    }
    m_memory = std::make_unique<models::NumaMemory>(map, ports);
    IndexedVec<models::ClusterId, models::SharedCache*> caches;
    for (std::size_t cluster = 0; cluster < clusters; ++cluster) {
        m_llcs.push_back(std::make_unique<models::SharedCache>(
            config.llc, models::SharedCacheClients{cpus, config.caches.lines() * cpus}, *m_memory,
            config.run.seed, "llc" + std::to_string(cluster)));
        caches.push_back(m_llcs.back().get());
    }
    models::CoherentMemory* shared = m_llcs.front().get();
    if (clusters > 1) {
        m_sockets = std::make_unique<models::MultiSocketMemory>(topology(config, map), caches, config.links);
        shared = m_sockets.get();
    }
    m_room.resize(map.node_count());
    for (const os::NumaRange& numa : config.os.memory.numa) {
        os::PhysRange& room = m_room[numa.node];
        if (numa.range.end - numa.range.begin > room.end - room.begin) room = numa.range;
    }
    m_next_table = pfn_of(take(NodeId{0}, table_room));
    m_root = new_table();
    for (std::size_t i = 0; i < cpus; ++i) {
        const auto cpu = static_cast<CpuId>(i);
        m_hierarchies.push_back(std::make_unique<models::PrivateHierarchy>(config.caches, cpu, m_clock,
                                                                           *shared, config.run.seed));
        m_mmus.push_back(
            std::make_unique<models::Mmu>(config.cpu.mmu, cpu, m_clock, *m_hierarchies.back(), m_tables));
        m_mmus.back()->set_context({m_root, 0});
    }
}

std::uint64_t BareHardware::dram_bytes() const {
    std::uint64_t bytes =
        m_expander ? m_expander->dram().stats().read_bytes + m_expander->dram().stats().write_bytes : 0;
    for (const auto& controller : m_controllers)
        bytes += controller->stats().read_bytes + controller->stats().write_bytes;
    return bytes;
}

PhysAddr BareHardware::take(NodeId node, std::uint64_t bytes) {
    os::PhysRange& room = m_room[node];
    const PhysAddr begin((room.begin.value() + large_page - 1) & ~(large_page - 1));
    const std::uint64_t end = begin.value() + ((bytes + large_page - 1) & ~(large_page - 1));
    if (end > room.end.value())
        throw ConfigError(m_config.options.where("machine.memory"), "machine.memory",
                          format_quantity(m_config.machine.memory, Unit::Bytes),
                          "node " + std::to_string(index_of(node)) + " has no room for what is measured");
    room.begin = PhysAddr(end);
    return begin;
}

Pfn BareHardware::new_table() {
    const Pfn frame = m_next_table;
    m_next_table = frame + 1;
    m_tables.add(frame);
    return frame;
}

PageTableMemory::Table& BareHardware::table_below(PageTableEntry& entry) {
    if (!entry.present()) entry = PageTableEntry(new_table(), entry_flags);
    return m_tables.table(entry.frame());
}

void BareHardware::map(VirtAddr at, PhysAddr place, std::uint64_t bytes, models::PageSize size) {
    const unsigned leaf = size == models::PageSize::Page4K ? 1 : 2;
    for (std::uint64_t done = 0; done < bytes; done += level_span(leaf)) {
        const VirtAddr address = at + done;
        PageTableMemory::Table* table = &m_tables.table(m_root);
        for (unsigned level = m_config.cpu.mmu.levels; level > leaf; --level)
            table = &table_below((*table)[table_index(address, level)]);
        (*table)[table_index(address, leaf)] = PageTableEntry(
            pfn_of(place + done), leaf == 1 ? entry_flags : entry_flags | PageTableEntry::Huge);
    }
}

} // namespace pagewalk::app
