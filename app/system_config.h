#pragma once

#include "app/run_config.h"
#include "base/option.h"
#include "models/cache/cache_config.h"
#include "models/core/cpu.h"
#include "models/device/block_device_config.h"
#include "models/device/fixed_latency_disk.h"
#include "models/device/iommu_config.h"
#include "models/device/nic_config.h"
#include "models/interconnect/socket_link.h"
#include "models/memory/cxl_config.h"
#include "models/memory/dram_config.h"
#include "os/kernel/kernel_config.h"
#include "workloads/synthetic/make_synthetic.h"
#include "workloads/trace/trace_addresses.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pagewalk::app {

/// The zones of the kernel that runs on the machine.
enum class MachineLayout : std::uint8_t { X86_64, I386 };

/// The shape of the machine: sockets, or the clusters they are made of, are NUMA nodes with their own
/// last-level cache and memory controller.
struct MachineConfig {
    std::string name = "default";
    std::uint32_t cpus = 4;
    std::uint32_t sockets = 1;
    std::uint32_t clusters = 1;        ///< of each socket
    std::uint64_t memory = 4ULL << 30; ///< bytes, all sockets together
    std::string node_memory;           ///< sizes by node, comma-separated; empty: equal shares of `memory`
    std::string distances;             ///< "10,21;21,10": a row a node; empty: 10 to itself, 20 to others
    MachineLayout layout = MachineLayout::X86_64;
    std::uint64_t lowmem = 896ULL << 20; ///< bytes; i386: where HighMem begins
    std::uint64_t kernelcore = 0;        ///< bytes; 0 = not given
    std::uint64_t movablecore = 0;       ///< bytes; 0 = not given
    os::FirmwareConfig firmware;

    void declare(OptionGroup group);
    /// Of all sockets together: each is a node.
    [[nodiscard]] std::uint32_t cluster_count() const { return sockets * clusters; }
    /// Bytes of each cluster's node. Throws ConfigError.
    [[nodiscard]] std::vector<std::uint64_t> node_bytes(const OptionSet& options) const;
    /// Distance of each of the `nodes` (row) to each. Throws ConfigError.
    [[nodiscard]] std::vector<std::vector<unsigned>> node_distances(const OptionSet& options,
                                                                    std::size_t nodes) const;
    /// What the firmware and the command line tell the kernel; `cxl_bytes` are a node of their own, without
    /// CPUs. Throws ConfigError.
    [[nodiscard]] os::MemoryMap memory_map(const OptionSet& options, std::uint64_t cxl_bytes) const;
};

/// Every event table that a machine writes.
[[nodiscard]] std::vector<EventSchema> event_schemas();

/// Everything a run is configured with. Neither copied nor moved: options are bound to its fields.
class SystemConfig {
public:
    SystemConfig();
    SystemConfig(const SystemConfig&) = delete;
    SystemConfig& operator=(const SystemConfig&) = delete;

    /// Checks across modules; derives what follows (memory map, cache sets). Throws ConfigError. Call once,
    /// after the last option was set.
    void validate();

    /// NUMA nodes: the clusters', then a CXL expander's.
    [[nodiscard]] std::uint32_t nodes() const {
        return machine.cluster_count() + (cxl.memory != 0 ? 1U : 0U);
    }

private:
    /// Whose memory the operating system lacks, and which options say so.
    struct TableOwner {
        std::string key, value;
        std::string size_key;
        std::uint64_t size;
        std::string what;
    };
    /// Tables of hardware and of a hypervisor lie at the end of the machine's memory.
    void place_tables();
    /// Takes it from the operating system. Returns where it begins.
    [[nodiscard]] std::uint64_t reserve_memory(std::uint64_t bytes, const TableOwner& owner);
    void validate_page_tables() const;
    void require_nic() const;

public:
    OptionSet options;
    MachineConfig machine;
    models::CpuConfig cpu;
    models::PrivateHierarchyConfig caches;
    models::LlcConfig llc;
    models::DramConfig dram;
    models::SocketLinksConfig links;
    models::CxlConfig cxl;
    os::KernelConfig os;
    models::DiskConfig disk;
    models::BlockDeviceConfig device;
    models::IommuConfig iommu;
    models::NicConfig nic;
    RunConfig run;
    EventConfig events{event_schemas()};
    WorkloadConfig workload;
    static constexpr std::uint64_t most_programs = 256;
    std::map<std::uint64_t, ProgramConfig> programs; ///< by N of [program.N]; empty: `workload` runs
    workloads::TraceConfig trace;
    workloads::SyntheticConfig synthetic;
};

} // namespace pagewalk::app
