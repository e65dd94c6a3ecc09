#pragma once

#include "contract/page_tables/page_table_format.h"

#include <cstdint>
#include <map>

namespace pagewalk {

/// Radix tables of two levels: the two upper levels are one table, the two lower ones another, each indexed
/// by 18 bits of the address. A lower table takes 2 MiB; where no such block is free there are two levels as
/// usual in its place, as an upper entry's bit says. Source: Park et al., "Every Walk's a Hit: Making Page
/// Walks Single-Access Cache Hits", ASPLOS 2022.
class FlattenedTable final : public PageTableFormat {
public:
    [[nodiscard]] EntryPlace find(VirtAddr address) override;
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames) override;
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end) override;
    void release(VirtAddr start, VirtAddr end, TableFrames& frames) override;
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override;
    [[nodiscard]] std::uint64_t frames() const override { return m_frames; }

private:
    static constexpr unsigned root_order = 8;  ///< of 2^18 entries the half that users have
    static constexpr unsigned lower_order = 9; ///< 2^18 entries
    static constexpr unsigned region_shift = 30;
    static constexpr unsigned table_shift = 21;
    using Entries = PageTableMemory::Table;
    struct Table {
        Pfn frame{};
        std::unique_ptr<Entries> entries;
    };
    /// What serves 1 GiB: a flattened table, or a table of tables.
    struct Region {
        Pfn frame{};
        bool flat = true;
        std::map<std::uint64_t, Table> tables; ///< by address >> 21; of a flat one those with entries
    };
    [[nodiscard]] static EntryPlace place_in(Table& table, VirtAddr address) {
        const std::size_t index = table_index(address, 1);
        return {&(*table.entries)[index], address_of(table.frame) + index * sizeof(PageTableEntry)};
    }
    [[nodiscard]] PhysAddr root_entry(VirtAddr address) const {
        return address_of(m_root) + (address.value() >> region_shift) * sizeof(PageTableEntry);
    }
    [[nodiscard]] Region* region_of(VirtAddr address, TableFrames& frames);
    void release_region(Region& region, TableFrames& frames);

    Pfn m_root = TableFrames::no_frame;
    std::uint64_t m_frames = 0;
    std::map<std::uint64_t, Region> m_regions; ///< by address >> 30
};

} // namespace pagewalk
