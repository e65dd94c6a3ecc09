#pragma once

#include "os/path/operation.h"

namespace pagewalk::os {

/// What page tables say of a page since somebody last asked (folio_referenced).
struct PageReferences {
    unsigned entries = 0;    ///< through which it has been accessed
    bool executable = false; ///< one of them belongs to program text
    bool locked = false;     ///< mapped into a locked area: not to be reclaimed
};

/// Is told of pages behind accessed page-table entries, for whoever learns from them.
class YoungPages {
public:
    virtual ~YoungPages() = default;
    /// True where it is one that counts: its entry loses the accessed bit.
    [[nodiscard]] virtual bool take(Operation& op, Pfn frame) = 0;
    /// Is a level-1 table worth looking through?
    [[nodiscard]] virtual bool wants(Pfn table) const = 0;
    /// Of `pages` entries that were looked at so many were accessed.
    virtual void saw(Pfn table, unsigned pages, unsigned accessed) = 0;
};

/// Page tables and page caches as reclaim needs them. Contract: none of these waits.
class PageUsers {
public:
    virtual ~PageUsers() = default;
    /// folio_referenced: also clears the accessed bits, in the tables alone as x86 does. `around`: is told of
    /// the pages mapped around it where it has been accessed; null: nobody is.
    [[nodiscard]] virtual PageReferences take_references(Operation& op, Pfn frame, YoungPages* around) = 0;
    /// walk_mm: looks for accessed entries in the tables of all processes that have run since the last walk
    /// for this node. Anonymous memory is left out where it is not `swaps`.
    virtual void walk_young(Operation& op, NodeId node, bool swaps, YoungPages& pages) = 0;
    /// try_to_unmap: takes the page out of all page tables. A page in the swap cache leaves entries that
    /// refer to its slot; one that its process has given up leaves none. Dirty bits go to the page. False
    /// when it is still mapped. TLBs know it until flush_unmapped().
    [[nodiscard]] virtual bool unmap(Operation& op, Pfn frame) = 0;
    /// try_to_unmap_flush: TLBs forget what unmap() has taken out.
    virtual void flush_unmapped(Operation& op) = 0;
    /// split_folio: the frames of a huge page, which is on its list, are pages beside it from now on; those
    /// that nobody maps are freed. False where something but mappings refers to it.
    [[nodiscard]] virtual bool split(Operation& op, Pfn head) = 0;
    /// Takes a clean page that nobody else uses out of its file's page cache, with the cache's reference.
    virtual void evict_file_page(Operation& op, Pfn frame) = 0;
};

} // namespace pagewalk::os
