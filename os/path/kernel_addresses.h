#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/page/zone.h"

#include <cstdint>

namespace pagewalk::os {

/// Where the kernel's own data lies, as boot has placed it. Offsets inside are assumed: fields that the
/// kernel keeps in lines of their own are, here too.
struct KernelAddresses {
    static constexpr std::uint64_t percpu_bytes =
        512 * 1024; ///< a CPU's area; 62 pages used. Source: dmesg, "percpu: Embedded"
    static constexpr std::uint64_t node_data_bytes =
        43 * page_size;                               ///< Source: dmesg, NODE_DATA of Debian 6.1
    static constexpr std::uint64_t zone_bytes = 1664; ///< sizeof(struct zone), cache-aligned

    IndexedVec<CpuId, VirtAddr> percpu;
    IndexedVec<NodeId, VirtAddr> node_data;
    Pfn zero_page{};
    Pfn root{}; ///< the kernel's own top-level table

    [[nodiscard]] VirtAddr zone(const Zone& zone) const {
        return node_data[zone.node] + pagewalk::os::index_of(zone.type) * zone_bytes;
    }
    [[nodiscard]] VirtAddr zone_lock(const Zone& zone) const { return this->zone(zone) + 1280; }
    /// vmalloc's global locks, a line each: in the kernel's data, here the first node's (assumed).
    [[nodiscard]] VirtAddr vmalloc_locks() const { return node_data[NodeId{}] + 0x2c00; }
    /// Where the types of the frame's pageblock are kept (mem_section_usage): 64 bytes for 128 MiB. In the
    /// node's data, wrapping at 128 KiB (assumed).
    [[nodiscard]] VirtAddr pageblock_bits(const Zone& zone, std::uint64_t frame) const {
        constexpr std::uint64_t section_pages = 32768;
        return node_data[zone.node] + 0x8000 + frame / section_pages * 64 % 0x20000;
    }
    /// Locks of the DMA API, a line each: swiotlb's area, the tree of I/O virtual addresses, the IOMMU's
    /// queue of commands. In the kernel's data, here the first node's (assumed).
    [[nodiscard]] VirtAddr swiotlb_area() const { return node_data[NodeId{}] + 0x2e00; }
    [[nodiscard]] VirtAddr iova_lock() const { return node_data[NodeId{}] + 0x2e40; }
    [[nodiscard]] VirtAddr iommu_queue() const { return node_data[NodeId{}] + 0x2e80; }
    /// A CPU's magazines of freed I/O virtual addresses.
    [[nodiscard]] VirtAddr iova_magazine(CpuId cpu) const { return percpu[cpu] + 0x7800; }
    /// Wait queues of a node's kswapd and kcompactd, with what they are to do (pg_data_t).
    [[nodiscard]] VirtAddr kswapd_wait(NodeId node) const { return node_data[node] + 0x2a80; }
    [[nodiscard]] VirtAddr kcompactd_wait(NodeId node) const { return node_data[node] + 0x2b00; }
    /// struct lruvec of a node.
    [[nodiscard]] VirtAddr lruvec(NodeId node) const { return node_data[node] + 0x2900; }
    /// A CPU's lists of one zone.
    [[nodiscard]] VirtAddr pcp(CpuId cpu, const Zone& zone) const {
        return percpu[cpu] + 0x2000 + std::uint64_t{zone.index} * 256;
    }
    [[nodiscard]] VirtAddr pcp_list(CpuId cpu, const Zone& zone, std::size_t list) const {
        return pcp(cpu, zone) + 24 + list * 16;
    }
    [[nodiscard]] VirtAddr vmap_block_queue(CpuId cpu) const { return percpu[cpu] + 0x7000; }
    [[nodiscard]] VirtAddr lru_batch(CpuId cpu) const { return percpu[cpu] + 0x4000; }
    /// What object caches keep for a CPU: kmem_cache_cpu or array_cache, one after the other.
    [[nodiscard]] VirtAddr slab_percpu(CpuId cpu) const { return percpu[cpu] + 0x10000; }
    static constexpr std::uint64_t slab_percpu_bytes = 0x60000;
    /// slob_lock and, a line behind it, SLOB's list heads.
    [[nodiscard]] VirtAddr slob_globals() const { return node_data[NodeId{}] + 0x10000; }
    [[nodiscard]] VirtAddr run_queue(CpuId cpu) const { return percpu[cpu] + 0x8000; }
};

} // namespace pagewalk::os
