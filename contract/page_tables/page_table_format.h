#pragma once

#include "base/address.h"
#include "base/enum_table.h"
#include "contract/page_table.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pagewalk {

/// How the entries of programs' pages are found. The kernel's own tables are radix tables always.
enum class PageTableKind : std::uint8_t { Radix, Flattened, Hashed, Cuckoo };
inline constexpr EnumNames<PageTableKind> page_table_names{{PageTableKind::Radix, "radix"},
                                                           {PageTableKind::Flattened, "flattened"},
                                                           {PageTableKind::Hashed, "hashed"},
                                                           {PageTableKind::Cuckoo, "cuckoo"}};

/// The kernel's side of a format's memory: frames, and what the work on them touches.
class TableFrames {
public:
    virtual ~TableFrames() = default;
    /// A cleared block of 2^order frames. no_frame where there is none.
    [[nodiscard]] virtual Pfn allocate(unsigned order) = 0;
    virtual void free(Pfn frame, unsigned order) = 0;
    virtual void load(PhysAddr where) = 0;
    virtual void store(PhysAddr where) = 0;

    static constexpr Pfn no_frame{~0ULL};
    static constexpr unsigned max_order = 10; ///< as Linux's page allocator has it
};

/// A page's entry and where it lies.
struct EntryPlace {
    PageTableEntry* entry = nullptr;
    PhysAddr where{};
    unsigned level = 1; ///< 1: of a page of 4 KiB, 2: of 2 MiB

    explicit operator bool() const { return entry != nullptr; }
};

/// What a walker of a format keeps from earlier walks: keys alone, since what they stand for is in the
/// tables.
class WalkMemory {
public:
    virtual ~WalkMemory() = default;
    /// Is the key there? It is from now on.
    [[nodiscard]] virtual bool recall(std::uint64_t key) = 0;
};

/// The references of a walk, in their order, and what they find.
struct FormatWalk {
    static constexpr std::size_t most = 32;
    struct Reference {
        PhysAddr where{};
        bool with_last = false; ///< made at the same time as the one before
    };
    std::array<Reference, most> references{};
    std::size_t count = 0;
    EntryPlace found; ///< nothing where the tables have no place for the page

    /// Those beyond `most` are not made.
    void add(PhysAddr where, bool with_last = false) {
        if (count < most) references[count++] = {where, with_last};
    }
};

/// The page table of one address space's user half, of pages of 4 KiB and 2 MiB: the kernel's side and the
/// walker's. Entries are x86-64's, eight to a line. Contract: an entry keeps its host address until release()
/// covers it; where it lies in simulated memory may change whenever another is added. Of 2 MiB either the
/// entry of the huge page or entries of small ones are not empty.
class PageTableFormat {
public:
    virtual ~PageTableFormat() = default;

    /// The place for the entry of the page of 4 KiB.
    [[nodiscard]] virtual EntryPlace find(VirtAddr address) = 0;
    /// The same, made where it is missing. Nothing when no memory is left.
    [[nodiscard]] virtual EntryPlace ensure(VirtAddr address, TableFrames& frames) = 0;
    /// The place for the entry of the page of 2 MiB around `address`.
    [[nodiscard]] virtual EntryPlace find_huge(VirtAddr address) = 0;
    [[nodiscard]] virtual EntryPlace ensure_huge(VirtAddr address, TableFrames& frames) = 0;
    /// Is there a place for any page of 4 KiB in the 2 MiB around `address`?
    [[nodiscard]] virtual bool has_small(VirtAddr address) = 0;
    /// Keeps room for the small pages of the 2 MiB around `address`, which has a place for a huge page's
    /// entry. False when no memory is left.
    [[nodiscard]] virtual bool reserve(VirtAddr address, TableFrames& frames) = 0;
    /// The room that reserve() kept is not wanted any more.
    virtual void unreserve(VirtAddr address, TableFrames& frames) = 0;
    /// Places for all small pages of the 2 MiB, in the room that reserve() kept: takes no memory.
    virtual void split(VirtAddr address, TableFrames& frames) = 0;
    /// The first entry, of either level, that is not empty, of a page that ends after `at` and begins below
    /// `end`; moves `at` to its page. Nothing when there is none.
    [[nodiscard]] virtual EntryPlace next(VirtAddr& at, VirtAddr end) = 0;
    /// Gives back what serves nothing but [start, end), whose entries are empty; all frames once no page has
    /// a place any more.
    virtual void release(VirtAddr start, VirtAddr end, TableFrames& frames) = 0;

    [[nodiscard]] virtual FormatWalk walk(VirtAddr address, WalkMemory& memory) = 0;

    /// 4 KiB frames that the tables take.
    [[nodiscard]] virtual std::uint64_t frames() const = 0;
};

/// An empty table of the format; null for radix, which the kernel has itself.
[[nodiscard]] std::unique_ptr<PageTableFormat> make_page_table(PageTableKind kind);

} // namespace pagewalk
