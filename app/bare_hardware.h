#pragma once

#include "app/system_config.h"
#include "contract/page_table.h"
#include "models/cache/multi_socket_memory.h"
#include "models/cache/private_hierarchy.h"
#include "models/cache/shared_cache.h"
#include "models/memory/cxl_expander.h"
#include "models/memory/dram_controller.h"
#include "models/memory/numa_memory.h"
#include "models/mmu/mmu.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::app {

/// The nodes' ranges of physical addresses.
[[nodiscard]] models::NumaMap numa_map(const os::MemoryMap& memory);

/// Which cluster and socket each node and CPU belongs to.
[[nodiscard]] models::MultiSocketMemory::Topology topology(const SystemConfig& config,
                                                           const models::NumaMap& map);

/// A machine's memory system alone, to be measured: private caches and MMUs of all CPUs, last-level caches,
/// links and memory, the same objects as a run's, without cores, kernel and SystemC. Whoever asks comes in
/// the order of time.
class BareHardware {
public:
    /// `config` has been validated and outlives it. Throws ConfigError.
    explicit BareHardware(const SystemConfig& config);
    BareHardware(const BareHardware&) = delete;
    BareHardware& operator=(const BareHardware&) = delete;

    [[nodiscard]] models::PrivateHierarchy& caches(CpuId cpu) { return *m_hierarchies[index_of(cpu)]; }
    [[nodiscard]] models::Mmu& mmu(CpuId cpu) { return *m_mmus[index_of(cpu)]; }
    [[nodiscard]] const Clock& clock() const { return m_clock; }
    /// Bytes that all DRAM has read and been given to write.
    [[nodiscard]] std::uint64_t dram_bytes() const;

    /// A place of `bytes` in the node's memory, which nobody else got. Aligned to 2 MiB. Throws ConfigError
    /// where the node has no room.
    [[nodiscard]] PhysAddr take(NodeId node, std::uint64_t bytes);
    /// Maps [at, at + bytes) to the place, with pages of 4 KiB or 2 MiB, for all CPUs.
    void map(VirtAddr at, PhysAddr place, std::uint64_t bytes, models::PageSize size);

private:
    [[nodiscard]] PageTableMemory::Table& table_below(PageTableEntry& entry);
    [[nodiscard]] Pfn new_table();

    const SystemConfig& m_config;
    Clock m_clock;
    std::vector<std::unique_ptr<models::DramController>> m_controllers; ///< by cluster
    std::unique_ptr<models::CxlExpander> m_expander;
    std::unique_ptr<models::NumaMemory> m_memory;
    std::vector<std::unique_ptr<models::SharedCache>> m_llcs; ///< by cluster
    std::unique_ptr<models::MultiSocketMemory> m_sockets;
    std::vector<std::unique_ptr<models::PrivateHierarchy>> m_hierarchies; ///< by CPU
    std::vector<std::unique_ptr<models::Mmu>> m_mmus;
    PageTableMemory m_tables;
    IndexedVec<NodeId, os::PhysRange> m_room; ///< what is left of each node's largest range
    Pfn m_root{};
    Pfn m_next_table{};
};

} // namespace pagewalk::app
