#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/gfp.h"
#include "os/replay/capture_files.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

enum class SlabEventKind : std::uint8_t {
    Kmalloc,
    CacheAlloc, ///< kmem_cache_alloc: of which cache is not said
    Kfree,
    CacheFree,
    PageAlloc, ///< mm_page_alloc; frame no_pfn = failed
    PageFree,  ///< mm_page_free
};

/// One tracepoint that the object allocators' replay looks at.
struct SlabEvent {
    std::uint64_t sequence = 0;
    VirtAddr object{};
    VirtAddr call_site{};
    std::uint64_t bytes_requested = 0;
    std::uint64_t bytes_allocated = 0;
    Pfn frame = no_pfn;
    GfpMask gfp;
    CpuId cpu{};
    std::int32_t pid = 0;
    std::int32_t node = -1;
    std::uint32_t cache = 0; ///< CacheFree: index in SlabTraceLog::cache_names
    SlabEventKind kind{};
    std::uint8_t order = 0;
    std::uint8_t flags = 0; ///< ftrace: 8 hard interrupt, 16 soft interrupt

    [[nodiscard]] bool in_interrupt() const { return (flags & 0x18) != 0; }
};

struct SlabTraceLog {
    std::vector<SlabEvent> events; ///< between the two snapshots, of all CPUs, in order
    std::vector<std::string> cache_names;
};

/// Errors: InputError for a damaged buffer or format, or when the first snapshot's mark is missing.
[[nodiscard]] SlabTraceLog read_slab_events(const CaptureFiles& files);

} // namespace pagewalk::os
