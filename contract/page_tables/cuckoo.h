#pragma once

#include "contract/page_tables/entry_lines.h"
#include "contract/page_tables/frame_area.h"
#include "contract/page_tables/two_sizes.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk {

/// Elastic cuckoo tables for pages of one size: three hash tables of lines of eight entries, one of which has
/// a page's line. At a load of 0.6 tables twice as large are added, and each insertion moves a line of each
/// old one; a line that has not been moved yet is looked for in the old table, others in the new, so that a
/// walk reads three lines all the same. Source: Skarlatos et al., "Elastic Cuckoo Page Tables: Rethinking
/// Virtual Memory Translation for Parallelism", ASPLOS 2020.
class CuckooLines {
public:
    explicit CuckooLines(unsigned level) : m_lines(level) {}

    [[nodiscard]] EntryPlace find(VirtAddr address);
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames);
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end);
    [[nodiscard]] bool any(VirtAddr start, VirtAddr end) const { return m_lines.any(start, end); }
    [[nodiscard]] std::uint64_t lines_of(std::uint64_t bytes) const { return bytes >> m_lines.key_shift(); }
    [[nodiscard]] bool reserve(std::uint64_t lines, TableFrames& frames);
    void unreserve(std::uint64_t lines) { m_reserved -= lines; }
    void release(VirtAddr start, VirtAddr end, TableFrames& frames);
    [[nodiscard]] bool in_use() const { return !m_now[0].slots.empty(); }
    /// Are lines being moved to larger tables?
    [[nodiscard]] bool resizing() const { return !m_old[0].slots.empty(); }
    [[nodiscard]] std::uint64_t frames() const;

    /// The lines of all ways, and the walk tables' entry that says which one has the page.
    void add_ways(VirtAddr address, FormatWalk& walk) const;

private:
    static constexpr unsigned ways = 3;
    static constexpr std::uint64_t first_slots = page_size / line_size;
    static constexpr unsigned most_moves = 500;        ///< of one insertion
    static constexpr std::uint64_t section_bytes = 16; ///< of the walk tables: 2 bits for each of 64 lines

    struct Way {
        FrameArea area;
        std::vector<EntryLine*> slots; ///< null: free
        std::uint64_t moved = 0;       ///< of an old table: slots below are in the new one
    };
    /// A slot of a new or an old table.
    struct Slot {
        EntryLine** line = nullptr;
        std::uint64_t number = 0;
        PhysAddr where{};
    };
    [[nodiscard]] static std::uint64_t hash(std::uint64_t key, unsigned way);
    [[nodiscard]] Slot slot_of(std::uint64_t key, unsigned way);
    [[nodiscard]] PhysAddr where_of(std::uint64_t key, unsigned way) const;
    [[nodiscard]] EntryPlace place_of(EntryLine& line, VirtAddr address);
    [[nodiscard]] PhysAddr section_at(VirtAddr address) const;
    [[nodiscard]] bool begin_resize(TableFrames& frames);
    void move_some(TableFrames& frames);
    [[nodiscard]] bool insert(EntryLine& line, TableFrames& frames);
    [[nodiscard]] std::uint64_t slots() const { return m_now[0].slots.size() * ways; }

    EntryLines m_lines;
    std::uint64_t m_reserved = 0; ///< lines that there must be room for
    std::array<Way, ways> m_now;
    std::array<Way, ways> m_old;
    FrameArea m_sections; ///< the walk tables
    std::uint64_t m_section_slots = 0;
    std::uint64_t m_draw = 0x2545f4914f6cdd1dULL; ///< of the way that an insertion begins with
};

/// Elastic cuckoo page tables: those of both page sizes are read at once. A walker that knows a section of 2
/// MiB, or that a GiB has a huge page there, from its cuckoo walk cache reads the one line that has the page.
/// Source: as CuckooLines.
///
/// Approximation: an entry of the walk tables is read beside the lines, not in a walk of its own.
class CuckooTable final : public TwoSizes<CuckooLines> {
public:
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override;
    /// Are lines being moved to larger tables?
    [[nodiscard]] bool resizing() const { return m_small.resizing() || m_large.resizing(); }
};

} // namespace pagewalk
