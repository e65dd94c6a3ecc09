#pragma once

#include "base/stats.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/nested/host_tables.h"
#include "models/mmu/tlb.h"
#include "models/mmu/walk_cache.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

struct HostWalkerStats {
    std::uint64_t walks = 0;
    std::uint64_t references = 0;
    std::uint64_t violations = 0;

    void declare(StatGroup group) const;
};

/// What finding the host's frame of a guest's reads.
struct HostWalk {
    std::array<PhysAddr, HostTables::levels> references{};
    std::size_t count = 0;
    bool violated = false; ///< the hypervisor had to back the page first
};

/// The second dimension of a core's page walks: the nested TLB, which has guest-physical pages, and walks of
/// the host's tables with walk caches as large as the guest's. Source: Bhargava et al., "Accelerating
/// Two-Dimensional Page Walks for Virtualized Systems", ASPLOS 2008.
class HostWalker {
public:
    HostWalker(const MmuConfig& config, HostTables& tables)
        : m_tables(tables), m_tlb(config.nested.tlb), m_walk_cache(config.walk_cache) {}

    /// Nothing to be read where the nested TLB has the page.
    [[nodiscard]] HostWalk walk(PhysAddr guest);
    [[nodiscard]] const HostTables& tables() const { return m_tables; }
    [[nodiscard]] bool backs(PhysAddr guest) const { return m_tables.backs(guest); }

    [[nodiscard]] const HostWalkerStats& stats() const { return m_stats; }
    void declare(StatGroup group) const;

private:
    HostTables& m_tables;
    Tlb m_tlb;
    WalkCache m_walk_cache;
    HostWalkerStats m_stats;
};

} // namespace pagewalk::models
