#pragma once

#include "os/page/boot.h"
#include "os/page/memory_map.h"
#include "os/page/page_allocator.h"

#include <cstdint>
#include <memory>

namespace pagewalk::os {

inline constexpr std::uint64_t mib = 1ULL << 20;
inline constexpr std::uint64_t gib = 1ULL << 30;

/// One node, memory from 1 MiB on, with the kernel's 32 MiB at 16 MiB reserved.
inline MemoryMap one_node(std::uint64_t bytes, std::size_t cpus = 1) {
    MemoryMap map;
    map.usable = {{PhysAddr(0x1000), PhysAddr(0x9f000)}, {PhysAddr(mib), PhysAddr(bytes)}};
    map.reserved = {{PhysAddr(16 * mib), PhysAddr(48 * mib)}};
    map.cpus = IndexedVec<CpuId, NodeId>(cpus, NodeId{0});
    return map;
}

/// Two nodes of equal size with a CPU each.
inline MemoryMap two_nodes(std::uint64_t bytes_each) {
    MemoryMap map = one_node(2 * bytes_each);
    map.numa = {{NodeId{0}, {PhysAddr(0), PhysAddr(bytes_each)}},
                {NodeId{1}, {PhysAddr(bytes_each), PhysAddr(2 * bytes_each)}}};
    map.cpus = {NodeId{0}, NodeId{1}};
    return map;
}

/// Frames that are free, on the free lists or on per-CPU lists, as the counters have it.
inline std::uint64_t free_frames(const PageAllocator& allocator) {
    std::int64_t sum = 0;
    for (const auto& zone : allocator.zones()) sum += zone->exact_free_pages() + zone->pcp_pages();
    return static_cast<std::uint64_t>(sum);
}

/// The same, counted by walking every list.
inline std::uint64_t listed_frames(const PageAllocator& allocator) {
    std::uint64_t sum = 0;
    const PageMap& pages = allocator.pages();
    for (const auto& zone : allocator.zones()) {
        for (unsigned order = 0; order < max_order; ++order)
            for (const FrameList& list : zone->areas[order].lists) sum += list.frames(pages).size() << order;
        for (const PerCpuPages& lists : zone->pcp)
            for (std::size_t list = 0; list < PerCpuPages::list_count; ++list)
                sum += lists.lists[list].frames(pages).size()
                       << PerCpuPages::order_of(list, pages.pageblock_order());
    }
    return sum;
}

inline std::uint64_t managed_frames(const PageAllocator& allocator) {
    std::uint64_t sum = 0;
    for (const auto& zone : allocator.zones()) sum += zone->managed;
    return sum;
}

} // namespace pagewalk::os
