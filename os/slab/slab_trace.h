#pragma once

#include "base/address.h"
#include "base/enum_table.h"
#include "contract/kernel_layout.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

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

/// A piece of code that an operation runs beyond its fast path, named after what the kernel calls it.
enum class SlabWork : std::uint8_t {
    AllocSlow,   ///< ___slab_alloc
    GetPartial,  ///< get_partial_node, with its first slab
    AcquireSlab, ///< another slab of the same list
    PutPartial,  ///< put_cpu_partial
    Unfreeze,    ///< __unfreeze_partials, a slab
    Deactivate,  ///< deactivate_slab
    NewSlab,     ///< allocate_slab without its objects
    SetUpObject, ///< freelist link of a new object
    FreeSlow,    ///< __slab_free
    MoveOnList,  ///< a slab onto or off its node's partial list
    Discard,     ///< discard_slab
    CheckObject, ///< guards and tracks of a debugged object
    RefillArray, ///< cache_alloc_refill
    MoveObject,  ///< an object from slab or array to array
    TakeOnNode,  ///< ____cache_alloc_node
    GrowCache,   ///< cache_grow_begin and _end
    IndexObject, ///< an entry of a new slab's index
    NestedAlloc, ///< an object of another cache is needed: the index of an off-slab cache
    NestedFree,
    FlushArray,  ///< cache_flusharray
    FreeToSlab,  ///< free_block, an object
    FreeAlien,   ///< cache_free_alien
    DestroySlab, ///< slab_destroy
    SlobAlloc,   ///< slob_alloc
    SlobPage,    ///< a page of its list that slob_alloc looks at
    SlobBlock,   ///< a free block that is looked at
    SlobNewPage,
    SlobFree, ///< slob_free
};

/// One step of an operation: code run, or a line of the kernel's data touched.
struct SlabStep {
    enum class Kind : std::uint8_t {
        Work,
        Load,
        Store,
        Lock, ///< spin lock at `address`
        Unlock,
    };
    Kind kind = Kind::Work;
    SlabWork work = SlabWork::AllocSlow;
    std::uint32_t count = 0; ///< Work: times
    VirtAddr address{};
};

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
/// nothing but their name (`path`); what they touch follows from the object. While `recording`, the others
/// append to `steps` all they do, in order; who turned it on empties it.
struct SlabTrace : SlabSummary {
    bool recording = false;
    std::vector<SlabStep> steps;

    [[nodiscard]] SlabSummary& summary() { return *this; }
    void begin(SlabPath first) {
        path = first;
        list_lock_acquisitions = slabs_allocated = slabs_freed = 0;
        objects_moved = blocks_scanned = 0;
    }
    void work(SlabWork what, std::uint32_t times = 1) {
        if (recording) steps.push_back({SlabStep::Kind::Work, what, times, {}});
    }
    void load(VirtAddr address) {
        if (recording) steps.push_back({SlabStep::Kind::Load, {}, 0, address});
    }
    void store(VirtAddr address) {
        if (recording) steps.push_back({SlabStep::Kind::Store, {}, 0, address});
    }
    void load_page(Pfn frame) { load(kernel_layout::struct_page(frame)); }
    void store_page(Pfn frame) { store(kernel_layout::struct_page(frame)); }
    void lock(VirtAddr address) {
        ++list_lock_acquisitions;
        if (recording) steps.push_back({SlabStep::Kind::Lock, {}, 0, address});
    }
    void unlock(VirtAddr address) {
        if (recording) steps.push_back({SlabStep::Kind::Unlock, {}, 0, address});
    }
};

} // namespace pagewalk::os
