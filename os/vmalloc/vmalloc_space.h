#pragma once

#include "contract/kernel_layout.h"
#include "os/vmalloc/vmalloc_sources.h"
#include "os/vmalloc/vmalloc_tree.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <span>
#include <vector>

namespace pagewalk::os {

/// The kernel's virtual ranges. Source: Documentation/x86/x86_64/mm.rst (4-level tables);
/// KERNEL_IMAGE_SIZE of 1 GiB as Debian's CONFIG_RANDOMIZE_BASE makes it.
namespace vmalloc_layout {
inline constexpr VirtAddr start = kernel_layout::vmalloc_base;
/// VMALLOC_END: the last byte. The kernel compares ends with it, so that the last page is never used.
inline constexpr VirtAddr limit = start + ((32ULL << 40) - 1);
inline constexpr VirtAddr modules_start{0xffffffffc0000000ULL};
inline constexpr VirtAddr modules_limit{0xffffffffff000000ULL};
} // namespace vmalloc_layout

/// GFP_RECLAIM_MASK: what of a mask the allocations behind the scenes keep.
inline constexpr GfpMask reclaim_mask = gfp::reclaim | gfp::high | gfp::io | gfp::fs | gfp::nowarn |
                                        gfp::retry_mayfail | gfp::nofail | gfp::noretry | gfp::memalloc |
                                        gfp::nomemalloc | gfp::atomic_bit;

struct SpaceRequest {
    std::uint64_t size = 0; ///< bytes, whole pages
    std::uint64_t align = 1;
    VirtAddr start = vmalloc_layout::start;
    VirtAddr limit = vmalloc_layout::limit;
    SlabRequest objects;
};

enum class SpaceError : std::uint8_t {
    NoObject, ///< no memory for a vmap_area
    NoSpace,  ///< nothing free between start and limit, purged or not
};

/// What holds addresses without using them, and can be told to give them up.
class AddressHoarder {
public:
    virtual ~AddressHoarder() = default;
    virtual void purge_fragmented(CpuId cpu) = 0;
};

/// The kernel's virtual address space as Linux 6.1 keeps it: free ranges, busy ranges, and ranges that are
/// unmapped but may still be in some TLB. Freed ranges gather until they exceed lazy_max_pages; one purge
/// then flushes the TLBs and frees them all.
class VmapSpace {
public:
    /// Everything from 1 to the last byte is free, as vmalloc_init leaves it. Contract: `objects` can give
    /// the first vmap_area.
    VmapSpace(VmallocObjects& objects, std::size_t cpus, VmallocTrace& trace);

    /// alloc_vmap_area: the lowest fit, see VmapTree::lowest_fit. Purges once where there is none.
    [[nodiscard]] std::expected<VmapArea*, SpaceError> allocate(const SpaceRequest& request);
    /// pcpu_get_vm_areas: one area for each offset and size, all at the same distance from a base that is
    /// the highest possible. Empty when there is no room or memory. `align` divides offsets and sizes.
    [[nodiscard]] std::vector<VmapArea*> allocate_congruent(std::span<const std::uint64_t> offsets,
                                                            std::span<const std::uint64_t> sizes,
                                                            std::uint64_t align, const SlabRequest& objects);
    /// free_vmap_area_noflush: `area`, which is unmapped, waits for the purge. Says whether it is time for
    /// one.
    enum class DrainDue : bool { No, Yes };
    [[nodiscard]] DrainDue free_lazily(VmapArea& area, CpuId cpu);
    /// Flushes the TLBs over all lazily freed ranges and [start, end), and frees the ranges. False when
    /// there are none: then nothing is flushed. Contract: vmap_purge_lock is held.
    bool purge(VirtAddr start, VirtAddr end, CpuId cpu);
    /// purge_vmap_area_lazy: the hoarder first.
    void purge_all(CpuId cpu);

    /// The busy area that contains `address`, found under vmap_area_lock.
    [[nodiscard]] VmapArea* find(VirtAddr address);

    /// 32 MiB for each bit of the number of CPUs.
    [[nodiscard]] std::uint64_t lazy_max_pages() const { return m_lazy_max_pages; }
    [[nodiscard]] std::uint64_t lazy_pages() const { return m_lazy_pages; }
    [[nodiscard]] const VmapTree& free_areas() const { return m_free; }
    [[nodiscard]] const VmapTree& busy_areas() const { return m_busy; }
    [[nodiscard]] const VmapTree& lazy_areas() const { return m_lazy; }
    [[nodiscard]] std::uint64_t purges() const { return m_purges; }
    /// Borrowed.
    void set_hoarder(AddressHoarder* hoarder) { m_hoarder = hoarder; }

private:
    [[nodiscard]] VmapArea* open(const SlabRequest& request);
    void close(VmapArea& area, CpuId cpu);
    /// Takes free_vmap_area_lock on a CPU that has an object in store for what a cut may need.
    void preload_and_lock(const SlabRequest& request);
    [[nodiscard]] std::optional<VirtAddr> take(const SpaceRequest& request, CpuId cpu);
    /// Cuts [start, start + size) out of a free area. False when there is no vmap_area for the rest.
    [[nodiscard]] bool clip(VmapArea& area, VirtAddr start, std::uint64_t size, CpuId cpu);
    /// Adds the range of `area` to a tree, merging it with its neighbours.
    void merge(VmapTree& tree, VmapArea& area, CpuId cpu);
    [[nodiscard]] std::optional<VirtAddr> congruent_base(std::span<const std::uint64_t> offsets,
                                                         std::span<const std::uint64_t> sizes,
                                                         std::uint64_t align);

    VmallocObjects& m_objects;
    VmallocTrace& m_trace;
    std::deque<VmapArea> m_areas; // ours; the kernel's objects are only named
    std::vector<VmapArea*> m_unused;
    VmapTree m_free;
    VmapTree m_busy;
    VmapTree m_lazy;
    IndexedVec<CpuId, VmapArea*> m_preloaded;
    AddressHoarder* m_hoarder = nullptr;
    std::uint64_t m_lazy_max_pages;
    std::uint64_t m_lazy_pages = 0;
    std::uint64_t m_purges = 0;
};

} // namespace pagewalk::os
