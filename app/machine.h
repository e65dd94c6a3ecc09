#pragma once

#include "app/system_config.h"
#include "base/event_table.h"
#include "base/stats.h"
#include "contract/page_table.h"
#include "models/cache/multi_socket_memory.h"
#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache_module.h"
#include "models/core/cpu_module.h"
#include "models/device/block_device_module.h"
#include "models/device/dma_port_module.h"
#include "models/device/fixed_latency_disk.h"
#include "models/device/iommu.h"
#include "models/device/nic_module.h"
#include "models/interconnect/router_module.h"
#include "models/memory/cxl_expander_module.h"
#include "models/memory/dram_controller_module.h"
#include "models/mmu/nested/host_tables.h"
#include "os/kernel/kernel.h"

#include <memory>
#include <string>
#include <vector>

namespace pagewalk::app {

/// The simulated system: the only place where models and OS meet. CPUs and their private caches call each
/// other directly; from the last-level caches outwards traffic crosses TLM-2.0 sockets.
class Machine {
public:
    /// Throws ConfigError for a machine that cannot be built.
    explicit Machine(const SystemConfig& config);

    /// Makes the CPUs' SystemC threads. Before simulation starts.
    void power_on(models::RunMonitor& monitor);

    [[nodiscard]] os::Kernel& kernel() { return *m_kernel; }
    [[nodiscard]] std::vector<std::unique_ptr<models::Cpu>>& cpus() { return m_cpus; }
    /// For the log: accesses of devices that the IOMMU has refused, a line each.
    [[nodiscard]] std::vector<std::string> iommu_faults() const;
    [[nodiscard]] StatRegistry& stats() { return m_stats; }
    /// Program instructions of all CPUs.
    [[nodiscard]] std::uint64_t user_instructions() const;
    [[nodiscard]] std::uint64_t kernel_instructions() const;
    /// The latest local time of any CPU.
    [[nodiscard]] Tick now() const;
    /// The event tables of all components.
    [[nodiscard]] EventRegistry& events() { return m_events; }

private:
    /// The one of the configuration, connected to memory.
    [[nodiscard]] BlockDevice& make_disk(models::CoherentMemory& memory);
    void make_nic(models::CoherentMemory& memory);
    /// What a device reaches memory by: the IOMMU where its mode translates.
    [[nodiscard]] std::unique_ptr<models::DmaPortModule> make_dma_port(const char* name, DeviceId device,
                                                                       models::CoherentMemory& memory);
    void require_room_in_dram() const;
    void declare_stats();
    void declare_events();

    const SystemConfig& m_config;
    PageTableMemory m_tables;
    std::unique_ptr<os::Kernel> m_kernel;
    std::vector<std::unique_ptr<models::DramControllerModule>> m_controllers; ///< by cluster
    std::unique_ptr<models::CxlExpanderModule> m_expander;                    ///< where there is one
    std::unique_ptr<models::RouterModule> m_router;
    std::vector<std::unique_ptr<models::SharedCacheModule>> m_llcs; ///< by cluster
    std::unique_ptr<models::MultiSocketMemory> m_sockets;
    std::vector<std::unique_ptr<models::PrivateHierarchy>> m_hierarchies;
    models::CpuCommons m_commons;
    std::unique_ptr<models::FixedLatencyDisk> m_fixed_disk; ///< or m_disk with its way to memory
    std::unique_ptr<models::Iommu> m_iommu;                 ///< where its mode translates
    std::unique_ptr<models::DmaPortModule> m_dma;
    std::unique_ptr<models::BlockDeviceModule> m_disk;
    std::unique_ptr<models::DmaPortModule> m_nic_dma;
    std::unique_ptr<models::NicModule> m_nic;   ///< where there is one
    std::unique_ptr<models::HostTables> m_host; ///< where the machine is virtual
    std::vector<std::unique_ptr<models::Cpu>> m_cpus;
    std::vector<std::unique_ptr<models::CpuModule>> m_cpu_modules;
    StatRegistry m_stats;
    EventRegistry m_events;
};

} // namespace pagewalk::app
