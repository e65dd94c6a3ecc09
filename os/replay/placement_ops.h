#pragma once

#include "base/address.h"
#include "os/page/migratetype.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// One operation of the page allocator between the two snapshots of a job.
struct PlacementOp {
    enum class Owner : std::uint8_t {
        Program, ///< user pages, page tables, page cache that it reads or writes
        Kernel,  ///< kernel objects of the program's own calls
        Foreign, ///< of everything else
    };
    enum class Kind : std::uint8_t {
        Allocate,
        AllocateBulk, ///< a page of alloc_pages_bulk
        Fail,
        FreeToList,  ///< to the head of a per-CPU list
        FreeToBuddy, ///< straight to the free lists
        Drain,       ///< a batch of a zone's per-CPU lists
        DrainAll,
        Isolate,
        PutBack,
    };
    Owner owner = Owner::Foreign;
    Kind kind = Kind::Allocate;
    unsigned order = 0;
    Migratetype type = Migratetype::Unmovable;
    std::uint32_t gfp = 0;
    Pfn frame = no_pfn;
    unsigned node = 0, zone = 0; ///< of drains
    std::string task;
    std::string what; ///< what the block is for, a help
    std::size_t line = 0;

    /// One line for people.
    [[nodiscard]] std::string text() const;
};

struct PlacementTrace {
    std::vector<PlacementOp> ops;
    std::vector<Pfn> onto_lru; ///< pages put onto LRU lists, in order
};

/// Reads a job's `ops`; what has no operation of the allocator is left out but for LRU lists. Errors:
/// InputError naming `name`, the line and the field.
[[nodiscard]] PlacementTrace parse_ops(std::string_view text, const std::string& name);

} // namespace pagewalk::os
