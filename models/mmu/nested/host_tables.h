#pragma once

#include "contract/page_table.h"
#include "models/mmu/nested/nested_config.h"

#include <cstdint>

namespace pagewalk::models {

/// The radix tables by which a hypervisor backs the memory of a virtual machine (extended page tables), of
/// four levels. One for all of its CPUs. Source: Intel SDM vol. 3C, 29.3.
///
/// Approximation: the host gives the guest's frame the host's frame of the same number, so that data lie in
/// the caches where the guest has them, and its tables lie one after the other in memory that the guest
/// lacks. It backs a page when that is first accessed, and takes none away.
class HostTables {
public:
    /// Contract: the configuration is enabled and has memory for the tables.
    explicit HostTables(const NestedConfig& config);

    [[nodiscard]] Pfn root() const { return m_root; }
    [[nodiscard]] PageTableMemory& tables() { return m_tables; }
    /// The level of the entries that back pages.
    [[nodiscard]] unsigned leaf_level() const { return static_cast<unsigned>(m_pages) + 1; }
    [[nodiscard]] PageSize pages() const { return m_pages; }
    [[nodiscard]] bool backs(PhysAddr guest);
    /// An EPT violation: the page around `guest` is backed from now on.
    void back(PhysAddr guest);
    [[nodiscard]] std::uint64_t frames() const { return m_next.value() - m_root.value(); }

    static constexpr unsigned levels = 4;

private:
    /// The entry of the leaf level; null where a table is missing and `add` says no.
    enum class Missing : std::uint8_t { Stay, Add };
    [[nodiscard]] PageTableEntry* entry(PhysAddr guest, Missing missing);
    [[nodiscard]] Pfn new_table();

    PageSize m_pages;
    PageTableMemory m_tables;
    Pfn m_next;
    Pfn m_end;
    Pfn m_root;
};

} // namespace pagewalk::models
