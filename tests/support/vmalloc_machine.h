#pragma once

#include "os/page/boot.h"
#include "os/slab/allocator_pages.h"
#include "os/slab/kmalloc.h"
#include "os/slab/slub.h"
#include "os/vmalloc/vmalloc.h"

#include <cstdint>
#include <memory>

namespace pagewalk::os {

/// vmalloc over the simulated page and slab allocators, with the kernel's root table.
struct VmallocMachine {
    explicit VmallocMachine(const MemoryMap& map, const VmallocConfig& config = {})
        : frames(boot_page_allocator(map)), slab_pages(*frames), slub(slab_pages, {}), kmalloc(slub, {}),
          pages(*frames), objects(kmalloc), root(add_root()),
          vmalloc(config, memory, root, 4, pages, objects) {}

    VirtAddr take(std::uint64_t size, std::uint64_t align = 1) {
        return vmalloc.allocate({.size = size, .align = align}).value();
    }

    std::unique_ptr<PageAllocator> frames;
    AllocatorPages slab_pages;
    Slub slub;
    Kmalloc kmalloc;
    AllocatorVmallocPages pages;
    SlabVmallocObjects objects;
    PageTableMemory memory;
    Pfn root;
    Vmalloc vmalloc;

private:
    Pfn add_root() {
        const Pfn frame = *pages.allocate({.gfp = gfp::kernel});
        memory.add(frame);
        return frame;
    }
};

/// A machine with `bytes` of memory on each of `nodes` nodes and `cpus` CPUs, dealt to the nodes in turn.
inline MemoryMap vmalloc_memory(std::uint64_t bytes, std::size_t cpus = 1, std::size_t nodes = 1) {
    constexpr std::uint64_t mib = 1ULL << 20;
    MemoryMap map;
    map.usable = {{PhysAddr(0x1000), PhysAddr(0x9f000)}, {PhysAddr(mib), PhysAddr(bytes * nodes)}};
    map.cpus = IndexedVec<CpuId, NodeId>(cpus, NodeId{});
    for (std::size_t cpu = 0; cpu < cpus; ++cpu)
        map.cpus[static_cast<CpuId>(cpu)] = static_cast<NodeId>(cpu % nodes);
    for (std::size_t node = 0; nodes > 1 && node < nodes; ++node)
        map.numa.push_back(
            {static_cast<NodeId>(node), {PhysAddr(node * bytes), PhysAddr((node + 1) * bytes)}});
    return map;
}

} // namespace pagewalk::os
