#pragma once

#include "contract/page_tables/entry_lines.h"
#include "contract/page_tables/frame_area.h"
#include "contract/page_tables/page_table_format.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk {

/// Elastic cuckoo page tables: three hash tables of lines of eight entries, one of which has a page's line,
/// all read at once. At a load of 0.6 tables twice as large are added, and each insertion moves a line of
/// each old one; a line that has not been moved yet is looked for in the old table, others in the new, so
/// that a walk reads three lines all the same. A walker that knows a section of 2 MiB from its cuckoo walk
/// cache reads the one line that has the page. Source: Skarlatos et al., "Elastic Cuckoo Page Tables:
/// Rethinking Virtual Memory Translation for Parallelism", ASPLOS 2020.
///
/// Approximation: with pages of 4 KiB alone the paper's tables of larger pages are empty, and its walk caches
/// say which way has a line, not which page size; an entry of the walk tables is read beside the lines.
class CuckooTable final : public PageTableFormat {
public:
    [[nodiscard]] EntryPlace find(VirtAddr address) override;
    [[nodiscard]] EntryPlace ensure(VirtAddr address, TableFrames& frames) override;
    [[nodiscard]] EntryPlace next(VirtAddr& at, VirtAddr end) override;
    void release(VirtAddr start, VirtAddr end, TableFrames& frames) override;
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override;
    [[nodiscard]] std::uint64_t frames() const override;

    /// Are lines being moved to larger tables?
    [[nodiscard]] bool resizing() const { return !m_old[0].slots.empty(); }

private:
    static constexpr unsigned ways = 3;
    static constexpr std::uint64_t first_slots = page_size / line_size;
    static constexpr unsigned most_moves = 500;        ///< of one insertion
    static constexpr std::uint64_t section_bytes = 16; ///< of the walk tables: 2 bits for each line of 2 MiB

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
    [[nodiscard]] EntryPlace place_of(EntryLine& line, VirtAddr address);
    [[nodiscard]] PhysAddr section_at(VirtAddr address) const;
    [[nodiscard]] bool begin_resize(TableFrames& frames);
    void move_some(TableFrames& frames);
    [[nodiscard]] bool insert(EntryLine& line, TableFrames& frames);
    [[nodiscard]] std::uint64_t slots() const { return m_now[0].slots.size() * ways; }

    EntryLines m_lines;
    std::array<Way, ways> m_now;
    std::array<Way, ways> m_old;
    FrameArea m_sections; ///< the walk tables
    std::uint64_t m_section_slots = 0;
    std::uint64_t m_draw = 0x2545f4914f6cdd1dULL; ///< of the way that an insertion begins with
};

} // namespace pagewalk
