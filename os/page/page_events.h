#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/gfp.h"
#include "os/page/migratetype.h"

namespace pagewalk::os {

/// Receives what the kernel's kmem tracepoints report, at the places where the kernel reports it.
/// Contract: must not call back into the allocator.
class PageEvents {
public:
    virtual ~PageEvents() = default;
    /// mm_page_alloc; `frame` is no_pfn for a failure.
    virtual void page_alloc(Pfn frame, unsigned order, GfpMask mask, Migratetype type) {
        (void)frame, (void)order, (void)mask, (void)type;
    }
    /// mm_page_free
    virtual void page_free(Pfn frame, unsigned order) { (void)frame, (void)order; }
    /// mm_page_free_batched
    virtual void page_free_batched(Pfn frame) { (void)frame; }
    /// mm_page_alloc_zone_locked
    virtual void zone_locked(Pfn frame, unsigned order, Migratetype type) {
        (void)frame, (void)order, (void)type;
    }
    /// mm_page_pcpu_drain
    virtual void pcpu_drain(Pfn frame, unsigned order, Migratetype type) {
        (void)frame, (void)order, (void)type;
    }
    /// mm_page_alloc_extfrag
    virtual void extfrag(Pfn frame, unsigned alloc_order, unsigned fallback_order, Migratetype wanted,
                         Migratetype fallback, bool change_ownership) {
        (void)frame, (void)alloc_order, (void)fallback_order, (void)wanted, (void)fallback,
            (void)change_ownership;
    }
};

} // namespace pagewalk::os
