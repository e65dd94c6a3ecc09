#pragma once

#include "base/address.h"
#include "contract/page_table.h"
#include "os/page/page_allocator.h"
#include "os/slab/allocator_topology.h"
#include "os/slab/kmalloc.h"
#include "os/slab/page_source.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pagewalk::os {

/// Where vmalloc gets its pages and page tables.
class VmallocPages : public PageSource {
public:
    /// alloc_pages_bulk: fills `frames` from the front; returns how many.
    [[nodiscard]] virtual std::size_t allocate_bulk(const PageRequest& request, std::span<Pfn> frames) = 0;
    /// split_page: the block will be freed frame by frame.
    virtual void split(Pfn frame, unsigned order) = 0;
    /// totalram_pages.
    [[nodiscard]] virtual std::uint64_t total_pages() const = 0;
    /// A frame just allocated becomes a page table, or is about to be freed as one. For a kernel layer that
    /// keeps tables readable until the TLB flushes of its path are done.
    virtual void add_table(PageTableMemory& memory, Pfn frame) { memory.add(frame); }
    virtual void remove_table(PageTableMemory& memory, Pfn frame) { memory.remove(frame); }
};

/// Where vmalloc gets the objects that describe its areas. As with a PageSource, an allocation may wait and
/// come back on another CPU; calls name the one on which the requester began.
class VmallocObjects {
public:
    virtual ~VmallocObjects() = default;

    /// From the cache vmap_area; none when there is no memory.
    [[nodiscard]] virtual std::optional<VirtAddr> allocate_area(const SlabRequest& request) = 0;
    virtual void free_area(VirtAddr object, CpuId cpu) = 0;
    /// kmalloc.
    [[nodiscard]] virtual std::optional<VirtAddr> allocate(std::uint64_t bytes,
                                                           const SlabRequest& request) = 0;
    virtual void free(VirtAddr object, CpuId cpu) = 0;
    /// Where a requester that began on `cpu` runs now.
    [[nodiscard]] virtual CpuId current_cpu(CpuId cpu) const { return cpu; }
};

/// Pages from the simulated page allocator.
class AllocatorVmallocPages final : public AllocatorTopology<VmallocPages> {
public:
    explicit AllocatorVmallocPages(PageAllocator& allocator);

    [[nodiscard]] std::optional<Pfn> allocate(const PageRequest& request) override;
    void free(Pfn frame, unsigned order, CpuId cpu) override;
    [[nodiscard]] std::size_t allocate_bulk(const PageRequest& request, std::span<Pfn> frames) override;
    void split(Pfn frame, unsigned order) override { m_allocator.split(frame, order); }
    [[nodiscard]] std::uint64_t total_pages() const override;

private:
    [[nodiscard]] AllocRequest pages_of(const PageRequest& request) const;

    PageAllocator& m_allocator;
};

/// Objects from the simulated slab allocator.
class SlabVmallocObjects final : public VmallocObjects {
public:
    /// Creates the cache vmap_area.
    explicit SlabVmallocObjects(Kmalloc& kmalloc);

    [[nodiscard]] std::optional<VirtAddr> allocate_area(const SlabRequest& request) override;
    void free_area(VirtAddr object, CpuId cpu) override;
    [[nodiscard]] std::optional<VirtAddr> allocate(std::uint64_t bytes, const SlabRequest& request) override;
    void free(VirtAddr object, CpuId cpu) override { m_kmalloc.free(object, cpu); }

private:
    Kmalloc& m_kmalloc;
    KmemCache* m_areas;
};

} // namespace pagewalk::os
