#pragma once

#include "base/ids.h"
#include "os/page/alloc_trace.h"
#include "os/page/zone.h"

#include <cstdint>

namespace pagewalk::os {

/// Receives what compaction does, at the places where the kernel's compaction tracepoints report it, for
/// whoever times or records it. Contract: must not call back into compaction.
class CompactionEvents {
public:
    virtual ~CompactionEvents() = default;
    /// mm_compaction_begin
    virtual void begin(const Zone& zone) { (void)zone; }
    /// mm_compaction_isolate_migratepages: descriptors of [begin, end) were read, `taken` of them isolated.
    virtual void scanned_for_use(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                 std::uint64_t taken) {
        (void)zone, (void)begin, (void)end, (void)taken;
    }
    /// mm_compaction_isolate_freepages: the same for free frames, every `stride`th descriptor.
    virtual void scanned_for_free(const Zone& zone, std::uint64_t begin, std::uint64_t end,
                                  std::uint64_t stride, std::uint64_t taken) {
        (void)zone, (void)begin, (void)end, (void)stride, (void)taken;
    }
    /// Entries of free lists were looked at instead.
    virtual void searched_lists(const Zone& zone, std::uint64_t entries) { (void)zone, (void)entries; }
    /// A free block left its list for the target scanner.
    virtual void took_free(const Zone& zone, std::uint32_t frame, unsigned order) {
        (void)zone, (void)frame, (void)order;
    }
    /// A frame went back to the allocator: one whose page has moved, or a target that was not needed.
    virtual void freed(std::uint32_t frame, const AllocTrace& trace) { (void)frame, (void)trace; }
    /// The CPU's lists were emptied so that what was freed can merge.
    virtual void drained(const Zone& zone, const AllocTrace& trace) { (void)zone, (void)trace; }
    /// kcompactd of `node` has something to do.
    virtual void daemon_wanted(NodeId node) { (void)node; }
};

} // namespace pagewalk::os
