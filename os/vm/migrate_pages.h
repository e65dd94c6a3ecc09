#pragma once

#include "os/path/frame_allocator.h"
#include "os/vm/virtual_memory.h"

#include <cstdint>
#include <optional>

namespace pagewalk::os {

/// What became of a page that was to be on another node.
enum class PageMove : std::uint8_t {
    Moved,
    There,    ///< it was on that node before
    Absent,   ///< nothing is mapped
    ZeroPage, ///< nothing has been written there yet
    Shared,   ///< others map it too
    Busy,     ///< something other than mappings holds on to it
    NoMemory, ///< the node has none left
};

/// Which pages may move: those that only one process maps, or all (MPOL_MF_MOVE, MPOL_MF_MOVE_ALL).
enum class MovedPages : bool { Own, All };

/// Moves mapped pages between nodes, as mm/migrate.c of Linux 6.1 does for move_pages, mbind, migrate_pages
/// and NUMA balancing. Huge pages move as a whole where they are mapped as a whole and the node has such a
/// block, otherwise they are split.
class NodeMigrator {
public:
    NodeMigrator(VirtualMemory& memory, FrameAllocator& frames, KernelCounters& counters)
        : m_memory(memory), m_frames(frames), m_counters(counters) {}

    /// The page that is mapped at `address`. May wait for memory of the node (and reclaim there). Contract:
    /// the caller holds mmap_lock, and pages are on their LRU lists (VirtualMemory::drain_lru_batches).
    PageMove move(Operation& op, AddressSpace& space, VirtAddr address, NodeId node,
                  MovedPages which = MovedPages::Own);

    /// migrate_misplaced_page: the same without waiting; huge pages that find no block stay. Returns whether
    /// it has moved. Contract: a page is mapped there that nobody else maps.
    [[nodiscard]] bool move_misplaced(Operation& op, AddressSpace& space, VirtAddr address, NodeId node);

    /// Where the page at `address` is; nothing where none is mapped, or the zero page.
    [[nodiscard]] std::optional<NodeId> node_of(AddressSpace& space, VirtAddr address);

private:
    [[nodiscard]] std::optional<Pfn> allocate(Operation& op, GfpMask mask, unsigned order, NodeId node);
    [[nodiscard]] PageMove move_small(Operation& op, AddressSpace& space, VirtAddr address, NodeId node,
                                      GfpMask mask);
    [[nodiscard]] PageMove move_huge(Operation& op, AddressSpace& space, VirtAddr address, NodeId node);
    PageMove count(PageMove result, std::uint64_t pages);

    VirtualMemory& m_memory;
    FrameAllocator& m_frames;
    KernelCounters& m_counters;
};

} // namespace pagewalk::os
