#pragma once

#include "base/address.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pagewalk::os {

/// How an object allocator served an operation.
enum class SlabPath : std::uint8_t {
    None,
    AllocFast,        ///< SLUB: the CPU's freelist; SLAB: the CPU's array
    AllocRefill,      ///< SLUB: the CPU slab's own freelist (freed by others); SLAB: from slabs on the node's
                      ///< lists
    AllocCpuPartial,  ///< SLUB: a slab of the CPU's partial list
    AllocNodePartial, ///< SLUB: slabs of the node's partial list, under its list lock
    AllocShared,      ///< SLAB: the node's shared array
    AllocNewSlab,
    AllocScan,   ///< SLOB: first fit in its page lists
    AllocPages,  ///< straight from the page allocator
    FreeFast,    ///< SLUB: back to the CPU's slab; SLAB: into the CPU's array
    FreeRemote,  ///< SLUB: onto the freelist of a slab that is some CPU's or already partial
    FreeFreeze,  ///< SLUB: a full slab becomes the CPU's partial slab
    FreePartial, ///< SLUB: a full slab goes to the node's partial list
    FreeDiscard, ///< SLUB: the slab was empty and is given back
    FreeFlush,   ///< SLAB: the array was full, a batch moved on
    FreeAlien,   ///< SLAB: object of another node, into the alien array
    FreeBlock,   ///< SLOB: merged into its page's free blocks
    FreePages,
    Failed,
};

/// What one operation of an object allocator did, so that another layer can time it. Fixed size, never
/// allocates; lines beyond its capacity are counted in lines_lost.
struct SlabTrace {
    static constexpr std::size_t line_capacity = 32;

    SlabPath path = SlabPath::None;
    std::uint8_t line_count = 0;
    std::uint16_t list_lock_acquisitions = 0;
    std::uint16_t slabs_allocated = 0;
    std::uint16_t slabs_freed = 0;
    std::uint32_t objects_moved = 0;  ///< between arrays, freelists and slabs
    std::uint32_t blocks_scanned = 0; ///< SLOB: free blocks looked at
    std::uint32_t lines_lost = 0;
    std::array<VirtAddr, line_capacity>
        lines{}; ///< object memory read or written beyond the object handed over

    void begin(SlabPath first) {
        path = first;
        line_count = 0;
        list_lock_acquisitions = slabs_allocated = slabs_freed = 0;
        objects_moved = blocks_scanned = lines_lost = 0;
    }
    void touch(VirtAddr address) {
        if (line_count < line_capacity)
            lines[line_count++] = address.line();
        else
            ++lines_lost;
    }
};

} // namespace pagewalk::os
