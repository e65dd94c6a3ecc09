#pragma once

#include "contract/page_tables/page_table_format.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace pagewalk {

/// Radix tables of two levels: the two upper levels are one table, the two lower ones another, each indexed
/// by 18 bits of the address. A lower table takes 2 MiB; where no such block is free there are two levels as
/// usual in its place, as an upper entry's bit says. A page of 2 MiB has its entry in a flattened table 512
/// times, once for each small page, so that a walk needs no level more. Source: Park et al., "Every Walk's a
/// Hit: Making Page Walks Single-Access Cache Hits", ASPLOS 2022.
///
/// Approximation: of the 512 copies the first is stored by the kernel's paths, and the one that is read by a
/// walk that sets accessed or dirty bits.
class FlattenedTable final : public PageTableFormat {
public:
    [[nodiscard]] EntryPlace find(VirtAddr address) override;
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames) override;
    [[nodiscard]] EntryPlace find_huge(VirtAddr address) override;
    [[nodiscard]] EntryPlace ensure_huge(VirtAddr address, TableFrames& frames) override;
    [[nodiscard]] bool has_small(VirtAddr address) override;
    [[nodiscard]] bool reserve(VirtAddr address, TableFrames& frames) override;
    void unreserve(VirtAddr address, TableFrames& frames) override;
    void split(VirtAddr address, TableFrames& frames) override;
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
        std::map<std::uint64_t, Table> tables;        ///< by address >> 21; of a flat one those with entries
        std::map<std::uint64_t, PageTableEntry> huge; ///< by address >> 21
        std::vector<Pfn> reserved;                    ///< frames for tables, of one that is not flat
    };
    [[nodiscard]] static EntryPlace place_in(Table& table, VirtAddr address) {
        const std::size_t index = table_index(address, 1);
        return {&(*table.entries)[index], address_of(table.frame) + index * sizeof(PageTableEntry)};
    }
    [[nodiscard]] PhysAddr root_entry(VirtAddr address) const {
        return address_of(m_root) + (address.value() >> region_shift) * sizeof(PageTableEntry);
    }
    [[nodiscard]] Region* region_of(VirtAddr address, TableFrames& frames);
    [[nodiscard]] Region* find_region(VirtAddr address);
    [[nodiscard]] static EntryPlace huge_in(Region& region, VirtAddr address);
    void add_table(Region& region, VirtAddr address, Pfn frame, TableFrames& frames);
    void release_empty(Region& region, VirtAddr start, VirtAddr end, TableFrames& frames);
    void release_region(Region& region, TableFrames& frames);

    Pfn m_root = TableFrames::no_frame;
    std::uint64_t m_frames = 0;
    std::map<std::uint64_t, Region> m_regions; ///< by address >> 30
};

} // namespace pagewalk
