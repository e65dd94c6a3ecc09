#pragma once

#include "contract/page_tables/entry_lines.h"
#include "contract/page_tables/frame_area.h"
#include "contract/page_tables/page_table_format.h"

#include <cstdint>
#include <vector>

namespace pagewalk {

/// A hash table of lines of eight entries, with open addressing: a walk reads line after line from the hash
/// on. At a load of 1/2 it is rebuilt twice as large, at once. Source: Yaniv and Tsafrir, "Hash, Don't Cache
/// (the Page Table)", SIGMETRICS 2016; entries of neighbours in one line as Talluri et al., SOSP 1995.
///
/// Approximation: a table for each address space; the papers' is one for all.
class HashedTable final : public PageTableFormat {
public:
    [[nodiscard]] EntryPlace find(VirtAddr address) override;
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames) override;
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end) override;
    void release(VirtAddr start, VirtAddr end, TableFrames& frames) override;
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override;
    [[nodiscard]] std::uint64_t frames() const override { return m_area.frames(); }

private:
    static constexpr std::uint64_t first_slots = page_size / line_size;

    [[nodiscard]] std::uint64_t home_of(std::uint64_t key) const {
        return key * 0x9e3779b97f4a7c15ULL >> 20 & (m_slots.size() - 1);
    }
    [[nodiscard]] std::uint64_t after(std::uint64_t slot) const { return (slot + 1) & (m_slots.size() - 1); }
    [[nodiscard]] PhysAddr line_at(std::uint64_t slot) const { return m_area.at(slot * line_size); }
    [[nodiscard]] EntryPlace place_of(EntryLine& line, VirtAddr address) const {
        const std::size_t place = EntryLine::place_of(address);
        return {&line.entries[place], line_at(line.slot) + place * sizeof(PageTableEntry)};
    }
    [[nodiscard]] bool grow(TableFrames& frames);
    void insert(EntryLine& line, TableFrames& frames);
    void take_out(const EntryLine& line, TableFrames& frames);

    EntryLines m_lines;
    FrameArea m_area;
    std::vector<EntryLine*> m_slots; ///< null: free
};

} // namespace pagewalk
