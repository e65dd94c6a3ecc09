#pragma once

#include "os/path/operation.h"
#include "os/path/touch_path.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"

#include <cstdint>

namespace pagewalk::os {

/// Are objects cleared when they are handed out (init_on_alloc)?
enum class ClearObject : bool { No, Yes };
/// Which of the two interfaces an operation came in by.
enum class ObjectCall : bool { KmemCache, Kmalloc };

/// Turns what an object allocator does into steps of the operation's path: the code of the entry points and
/// the lines their fast paths touch, and the steps that the slow paths have recorded.
class SlabPathWriter {
public:
    explicit SlabPathWriter(SlabAllocator& allocator);

    /// Before the allocator is called. `cache` is null for sizes that no cache serves.
    void begin_allocation(Operation& op, const KmemCache* cache, ObjectCall call);
    /// The object is there: what is left of the recorded steps, its freelist link, its first use.
    void end_allocation(Operation& op, const KmemCache* cache, VirtAddr object, std::uint64_t bytes,
                        ClearObject clear);
    void begin_free(Operation& op, const KmemCache* cache, VirtAddr object, ObjectCall call);
    void end_free(Operation& op, const KmemCache* cache, ObjectCall call);
    /// Appends the steps recorded so far: before pages are asked for, in the middle of an operation.
    void flush(Operation& op);

private:
    TouchPathWriter m_writer;
    SlabAllocator& m_allocator;
    const Slub* m_slub;
    const Slab* m_slab;
};

} // namespace pagewalk::os
