#pragma once

#include "base/address.h"
#include "contract/kernel_layout.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::os {

/// A piece of code that a bare allocator runs beyond its entry point, named after what the kernel calls it.
enum class AllocatorWork : std::uint8_t {
    AllocSlow,   ///< SLUB: ___slab_alloc
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
    RefillArray, ///< SLAB: cache_alloc_refill
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
    SlobFree,   ///< slob_free
    VisitArea,  ///< vmalloc: a vmap_area on the way through a tree
    WriteArea,  ///< a vmap_area that is linked, unlinked or resized
    WriteEntry, ///< a page-table entry
    ClearEntry,
};

/// One step of an operation: code run, a line of the kernel's data touched, a lock, a flush.
struct TouchStep {
    enum class Kind : std::uint8_t {
        Work,
        Load,
        Store,
        Acquire, ///< spin lock at `address`
        Release,
        FlushTlb, ///< kernel translations of [address, end), on every CPU
    };
    Kind kind = Kind::Work;
    AllocatorWork work = AllocatorWork::AllocSlow; ///< Work
    std::uint32_t count = 0;                       ///< Work: times
    VirtAddr address{};
    VirtAddr end{};
};

/// What the bare allocators (pages, objects, vmalloc) touch, in order, so that another layer can time it. The
/// list keeps its capacity: an operation that recurs allocates nothing.
class TouchSteps {
public:
    /// Off: nothing is noted.
    void record(bool on) { m_recording = on; }
    [[nodiscard]] bool recording() const { return m_recording; }
    void clear() { m_steps.clear(); }

    void work(AllocatorWork what, std::uint32_t times = 1) {
        if (m_recording) m_steps.push_back({.work = what, .count = times});
    }
    void load(VirtAddr address) { note(TouchStep::Kind::Load, address); }
    void store(VirtAddr address) { note(TouchStep::Kind::Store, address); }
    void load_page(Pfn frame) { load(kernel_layout::struct_page(frame)); }
    void store_page(Pfn frame) { store(kernel_layout::struct_page(frame)); }
    void acquire(VirtAddr lock) { note(TouchStep::Kind::Acquire, lock); }
    void release(VirtAddr lock) { note(TouchStep::Kind::Release, lock); }
    void flush(VirtAddr start, VirtAddr end) {
        if (m_recording) m_steps.push_back({.kind = TouchStep::Kind::FlushTlb, .address = start, .end = end});
    }
    /// `what` is done to an entry of a table. Neighbouring entries of one line are one store.
    void entry(AllocatorWork what, VirtAddr entry) {
        const VirtAddr line = entry.line();
        if (const std::size_t size = m_steps.size();
            size > 1 && m_steps[size - 1].kind == TouchStep::Kind::Store &&
            m_steps[size - 1].address == line && m_steps[size - 2].kind == TouchStep::Kind::Work &&
            m_steps[size - 2].work == what) {
            ++m_steps[size - 2].count;
            return;
        }
        work(what);
        store(line);
    }

    [[nodiscard]] std::span<const TouchStep> steps() const { return m_steps; }
    /// Times that `work` was done.
    [[nodiscard]] std::uint64_t times(AllocatorWork work) const {
        std::uint64_t sum = 0;
        for (const TouchStep& step : m_steps)
            if (step.kind == TouchStep::Kind::Work && step.work == work) sum += step.count;
        return sum;
    }

private:
    void note(TouchStep::Kind kind, VirtAddr address) {
        if (m_recording) m_steps.push_back({.kind = kind, .address = address});
    }

    std::vector<TouchStep> m_steps;
    bool m_recording = false;
};

} // namespace pagewalk::os
