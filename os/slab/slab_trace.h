#pragma once

#include "base/address.h"
#include "base/enum_table.h"
#include "os/page/touch_steps.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

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
    FreeDeferred, ///< SLOB: waits for a grace period
    Failed,
};
inline constexpr std::size_t slab_path_count = enum_count<SlabPath>;
/// "alloc_fast", "free_remote", ...
[[nodiscard]] std::string_view name_of(SlabPath path);
[[nodiscard]] constexpr bool allocates(SlabPath path) { return path < SlabPath::FreeFast; }

/// An operation in short.
struct SlabSummary {
    SlabPath path = SlabPath::None;
    std::uint16_t list_lock_acquisitions = 0;
    std::uint16_t slabs_allocated = 0;
    std::uint16_t slabs_freed = 0;
    std::uint32_t array_slot = 0;     ///< SLAB: place in the CPU's array that the object came from or went to
    std::uint32_t objects_moved = 0;  ///< between arrays, freelists and slabs
    std::uint32_t blocks_scanned = 0; ///< SLOB: free blocks looked at
};

/// What one operation of an object allocator did, so that another layer can time it. The fast paths note
/// nothing but their name (`path`); what they touch follows from the object. The others note all they do
/// while steps are recorded; who turned recording on clears them.
struct SlabTrace : SlabSummary, TouchSteps {
    [[nodiscard]] SlabSummary& summary() { return *this; }
    void begin(SlabPath first) {
        path = first;
        list_lock_acquisitions = slabs_allocated = slabs_freed = 0;
        objects_moved = blocks_scanned = 0;
    }
    void lock(VirtAddr address) {
        ++list_lock_acquisitions;
        acquire(address);
    }
    void unlock(VirtAddr address) { release(address); }
};

} // namespace pagewalk::os
