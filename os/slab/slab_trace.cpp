#include "os/slab/slab_trace.h"

#include "base/enum_table.h"

namespace pagewalk::os {

std::string_view name_of(SlabPath path) {
    constexpr EnumNames<SlabPath> names{
        {SlabPath::None, "none"},
        {SlabPath::AllocFast, "alloc_fast"},
        {SlabPath::AllocRefill, "alloc_refill"},
        {SlabPath::AllocCpuPartial, "alloc_cpu_partial"},
        {SlabPath::AllocNodePartial, "alloc_node_partial"},
        {SlabPath::AllocShared, "alloc_shared"},
        {SlabPath::AllocNewSlab, "alloc_new_slab"},
        {SlabPath::AllocScan, "alloc_scan"},
        {SlabPath::AllocPages, "alloc_pages"},
        {SlabPath::FreeFast, "free_fast"},
        {SlabPath::FreeRemote, "free_remote"},
        {SlabPath::FreeFreeze, "free_freeze"},
        {SlabPath::FreePartial, "free_partial"},
        {SlabPath::FreeDiscard, "free_discard"},
        {SlabPath::FreeFlush, "free_flush"},
        {SlabPath::FreeAlien, "free_alien"},
        {SlabPath::FreeBlock, "free_block"},
        {SlabPath::FreePages, "free_pages"},
        {SlabPath::FreeDeferred, "free_deferred"},
        {SlabPath::Failed, "failed"},
    };
    return names[path];
}

} // namespace pagewalk::os
