#pragma once

#include "contract/page_tables/entry_lines.h"
#include "contract/page_tables/frame_area.h"
#include "contract/page_tables/two_sizes.h"

#include <cstdint>
#include <vector>

namespace pagewalk {

/// A hash table of lines of eight entries for pages of one size, with open addressing: a walk reads line
/// after line from the hash on. At a load of 1/2 it is rebuilt twice as large, at once. Source: Yaniv and
/// Tsafrir, "Hash, Don't Cache (the Page Table)", SIGMETRICS 2016; entries of neighbours in one line as
/// Talluri et al., SOSP 1995.
class HashedLines {
public:
    explicit HashedLines(unsigned level) : m_lines(level) {}

    [[nodiscard]] EntryPlace find(VirtAddr address);
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames);
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end);
    [[nodiscard]] bool any(VirtAddr start, VirtAddr end) const { return m_lines.any(start, end); }
    [[nodiscard]] std::uint64_t lines_of(std::uint64_t bytes) const { return bytes >> m_lines.key_shift(); }
    [[nodiscard]] bool reserve(std::uint64_t lines, TableFrames& frames);
    void unreserve(std::uint64_t lines) { m_reserved -= lines; }
    void release(VirtAddr start, VirtAddr end, TableFrames& frames);
    [[nodiscard]] bool in_use() const { return !m_slots.empty(); }
    [[nodiscard]] std::uint64_t frames() const { return m_area.frames(); }

    /// The slot that a walk for the address reads first, and the one after each.
    [[nodiscard]] std::uint64_t first_slot(VirtAddr address) const {
        return home_of(m_lines.key_of(address));
    }
    [[nodiscard]] std::uint64_t after(std::uint64_t slot) const { return (slot + 1) & (m_slots.size() - 1); }
    /// Is it the last of the walk: free, or the one that has the page?
    [[nodiscard]] bool ends_at(std::uint64_t slot, VirtAddr address) const {
        return m_slots[slot] == nullptr || m_slots[slot]->key == m_lines.key_of(address);
    }
    /// Where the page's entry would lie in the slot.
    [[nodiscard]] PhysAddr entry_at(std::uint64_t slot, VirtAddr address) const {
        return line_at(slot) + m_lines.place_of(address) * sizeof(PageTableEntry);
    }

private:
    static constexpr std::uint64_t first_slots = page_size / line_size;

    [[nodiscard]] std::uint64_t home_of(std::uint64_t key) const {
        return key * 0x9e3779b97f4a7c15ULL >> 20 & (m_slots.size() - 1);
    }
    [[nodiscard]] PhysAddr line_at(std::uint64_t slot) const { return m_area.at(slot * line_size); }
    [[nodiscard]] EntryPlace place_of(EntryLine& line, VirtAddr address) const {
        return {&line.entries[m_lines.place_of(address)], entry_at(line.slot, address), m_lines.level()};
    }
    [[nodiscard]] bool grow(TableFrames& frames);
    void insert(EntryLine& line, TableFrames& frames);
    void take_out(const EntryLine& line, TableFrames& frames);

    EntryLines m_lines;
    std::uint64_t m_reserved = 0; ///< lines that there must be room for
    FrameArea m_area;
    std::vector<EntryLine*> m_slots; ///< null: free
};

/// Hashed page tables: those of both page sizes are read at the same time. Source: as HashedLines.
///
/// Approximation: tables for each address space; the papers' is one for all.
class HashedTable final : public TwoSizes<HashedLines> {
public:
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override;
};

} // namespace pagewalk
