#include "app/machine.h"

#include "app/bare_hardware.h"
#include "os/proc/process_files.h"

#include <algorithm>
#include <string>

namespace pagewalk::app {

namespace {

constexpr DeviceId disk_id{0};
constexpr DeviceId nic_id{1};

std::string numbered(const char* name, std::size_t number) { return name + std::to_string(number); }

} // namespace

Machine::Machine(const SystemConfig& config) : m_config(config) {
    m_kernel = std::make_unique<os::Kernel>(config.os, m_tables);
    m_kernel->set_process_files(
        [this](TaskId task, std::string_view file) { return os::process_file_text(*m_kernel, task, file); });
    const models::NumaMap map = numa_map(config.os.memory);
    if (config.machine.layout != MachineLayout::X86_64)
        throw ConfigError(config.options.where("machine.layout"), "machine.layout", "i386",
                          "the simulated CPUs are x86-64; 'pagewalk boot' takes i386");
    require_room_in_dram();
    const std::size_t clusters = config.machine.cluster_count();
    const std::size_t cpus = config.machine.cpus;

    m_router =
        std::make_unique<models::RouterModule>("router", map, clusters, models::RoutedAddress::Physical);
    IndexedVec<models::ClusterId, models::SharedCache*> caches;
    for (std::size_t cluster = 0; cluster < clusters; ++cluster) {
        m_controllers.push_back(
            std::make_unique<models::DramControllerModule>(numbered("dram", cluster).c_str(), config.dram));
        m_router->outputs[cluster].bind(m_controllers.back()->socket);
        m_llcs.push_back(std::make_unique<models::SharedCacheModule>(
            numbered("llc", cluster).c_str(), config.llc,
            models::SharedCacheClients{cpus, config.caches.lines() * cpus}, config.run.seed));
        m_llcs.back()->memory_socket().bind(m_router->inputs[cluster]);
        caches.push_back(&m_llcs.back()->cache());
    }
    if (config.cxl.memory != 0) {
        m_expander = std::make_unique<models::CxlExpanderModule>("cxl", config.cxl);
        m_router->outputs[clusters].bind(m_expander->socket);
    }
    models::CoherentMemory* shared = &m_llcs.front()->cache();
    if (clusters > 1) {
        m_sockets = std::make_unique<models::MultiSocketMemory>(topology(config, map), caches, config.links);
        shared = m_sockets.get();
    }
    if (config.cpu.mmu.nested.enabled()) m_host = std::make_unique<models::HostTables>(config.cpu.mmu.nested);
    const Clock clock(config.cpu.core.frequency);
    for (std::size_t i = 0; i < cpus; ++i) {
        const auto id = static_cast<CpuId>(i);
        m_hierarchies.push_back(
            std::make_unique<models::PrivateHierarchy>(config.caches, id, clock, *shared, config.run.seed));
        m_cpus.push_back(std::make_unique<models::Cpu>(
            id, config.cpu, models::L1Latencies{config.caches.l1i.latency, config.caches.l1d.latency},
            *m_hierarchies.back(), m_tables, *m_kernel, m_commons));
        // An interrupt may come before the first task.
        m_cpus.back()->mmu().set_context({m_kernel->boot_layout().addresses.root, 0});
        if (const PageTableFormats* const formats = m_kernel->memory().tables().formats())
            m_cpus.back()->mmu().use_formats(*formats);
        if (m_host) m_cpus.back()->mmu().use_host(*m_host);
        if (const TableReplicas* const replicas = m_kernel->memory().tables().replicas())
            m_cpus.back()->mmu().use_replicas(*replicas, m_kernel->allocator().cpus()[id]);
    }
    BlockDevice& disk = make_disk(*shared);
    if (m_config.nic.present()) make_nic(*shared);
    m_kernel->connect(m_commons.interrupts, disk, m_iommu.get());
    if (m_nic) m_kernel->connect(*m_nic, m_commons.interrupts);
    declare_stats();
    declare_events();
}

BlockDevice& Machine::make_disk(models::CoherentMemory& memory) {
    if (m_config.device.kind == models::BlockDeviceKind::Fixed) {
        m_fixed_disk = std::make_unique<models::FixedLatencyDisk>(
            m_config.disk, static_cast<std::uint32_t>(disk_id), m_commons.interrupts);
        return *m_fixed_disk;
    }
    m_dma = make_dma_port("dma", disk_id, memory);
    m_disk = std::make_unique<models::BlockDeviceModule>(
        "disk", m_config.device, disk_id, m_commons.interrupts, m_commons.horizons, m_config.run.seed);
    m_disk->memory_socket().bind(m_dma->socket);
    return *m_disk;
}

std::unique_ptr<models::DmaPortModule> Machine::make_dma_port(const char* name, DeviceId device,
                                                              models::CoherentMemory& memory) {
    if (!os::translates(m_config.os.dma.iommu))
        return std::make_unique<models::DmaPortModule>(name, memory, device,
                                                       m_config.os.memory.usable.back().end);
    if (!m_iommu) m_iommu = std::make_unique<models::Iommu>(m_config.iommu, memory, m_tables);
    return std::make_unique<models::DmaPortModule>(name, *m_iommu, device, models::Iommu::end_of_addresses);
}

void Machine::make_nic(models::CoherentMemory& memory) {
    m_nic_dma = make_dma_port("nic_dma", nic_id, memory);
    m_nic = std::make_unique<models::NicModule>("nic", m_config.nic, nic_id, m_commons.interrupts,
                                                m_commons.horizons, m_config.run.seed);
    m_nic->memory_socket().bind(m_nic_dma->socket);
}

/// The devices hold a cluster's memory. Throws ConfigError.
void Machine::require_room_in_dram() const {
    const std::uint64_t room = m_config.dram.capacity();
    if (room == 0) return; // a custom device
    for (const std::uint64_t bytes : m_config.machine.node_bytes(m_config.options))
        if (bytes > room)
            throw ConfigError(m_config.options.where("machine.memory"), "machine.memory",
                              format_quantity(m_config.machine.memory, Unit::Bytes),
                              "gives a node " + format_quantity(bytes, Unit::Bytes) +
                                  ", but dram.channels x dram.ranks of dram.device hold " +
                                  format_quantity(room, Unit::Bytes) +
                                  "; more ranks, channels or a larger device are needed");
}

void Machine::declare_stats() {
    for (std::size_t i = 0; i < m_cpus.size(); ++i) {
        const StatGroup cpu = m_stats.group(numbered("cpu", i));
        m_cpus[i]->declare(cpu);
        m_hierarchies[i]->declare(cpu);
    }
    for (std::size_t i = 0; i < m_llcs.size(); ++i) {
        m_llcs[i]->cache().declare(m_stats.group(numbered("llc", i)));
        m_controllers[i]->controller().declare(m_stats.group(numbered("dram", i)));
    }
    if (m_sockets) m_sockets->declare(m_stats.group("socket_links"), m_stats.group("cluster_links"));
    if (m_expander) m_expander->expander().declare(m_stats.group("cxl"));
    m_commons.locks.stats().declare(m_stats.group("locks"));
    if (m_fixed_disk) m_fixed_disk->declare(m_stats.group("disk"));
    if (m_disk) m_disk->controller().declare(m_stats.group("disk"));
    if (m_nic) m_nic->controller().declare(m_stats.group("nic"));
    if (m_iommu) m_iommu->declare(m_stats.group("iommu"));
    m_kernel->declare(m_stats.group("kernel"));
}

void Machine::power_on(models::RunMonitor& monitor) {
    if (m_disk) m_disk->report_to(monitor);
    if (m_nic) m_nic->report_to(monitor);
    for (std::size_t i = 0; i < m_cpus.size(); ++i)
        m_cpu_modules.push_back(std::make_unique<models::CpuModule>(
            numbered("cpu", i).c_str(), *m_cpus[i], m_commons.horizons, m_config.run.quantum, monitor));
}

void Machine::declare_events() {
    m_kernel->journal().events().declare(m_events);
    for (auto& cpu : m_cpus) cpu->mmu().events().declare(m_events);
}

std::uint64_t Machine::user_instructions() const {
    std::uint64_t total = 0;
    for (const auto& cpu : m_cpus) total += cpu->core().stats().user_instructions;
    return total;
}

std::uint64_t Machine::kernel_instructions() const {
    std::uint64_t total = 0;
    for (const auto& cpu : m_cpus) total += cpu->core().stats().kernel_instructions;
    return total;
}

std::vector<std::string> Machine::iommu_faults() const {
    std::vector<std::string> lines;
    if (!m_iommu) return lines;
    for (const models::IommuFault& fault : m_iommu->faults())
        lines.push_back(to_string(fault, fault.device == nic_id ? "NIC" : "block device"));
    if (const std::uint64_t all = m_iommu->stats().faults; all > lines.size())
        lines.push_back("IOMMU: " + std::to_string(all - lines.size()) + " faults more");
    return lines;
}

Tick Machine::now() const {
    Tick latest{};
    for (const auto& cpu : m_cpus) latest = std::max(latest, cpu->now());
    return latest;
}

} // namespace pagewalk::app
