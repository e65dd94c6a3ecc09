#pragma once

#include "os/vmalloc/vmalloc_blocks.h"
#include "os/vmalloc/vmalloc_space.h"
#include "os/vmalloc/vmalloc_tables.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// How the kernel was built and booted.
struct VmallocConfig {
    enum class HugeMappings : bool { Off, On };
    enum class Drain : bool {
        AtOnce, ///< when too much waits, at the end of the operation that freed it
        Later,  ///< when drain() is called, as the kernel's worker would
    };

    std::size_t configured_cpus = 8192;           ///< CONFIG_NR_CPUS. Source: Debian's amd64 configuration
    HugeMappings huge_vmalloc = HugeMappings::On; ///< Off: nohugevmalloc
    HugeMappings huge_ioremap = HugeMappings::On; ///< Off: nohugeiomap
    Drain drain = Drain::AtOnce;
    VmallocPlaces places; ///< of its locks
};

enum class VmallocError : std::uint8_t {
    ZeroSize,    ///< refused with a warning
    TooLarge,    ///< more pages than the machine has
    NoArea,      ///< no address range, or no memory for its description
    NoPageArray, ///< no memory for the list of pages
    NoPages,
    NoTables, ///< no memory for page tables
};

/// What __vmalloc_node_range is asked for.
struct VmallocRequest {
    std::uint64_t size = 0; ///< bytes
    std::uint64_t align = 1;
    GfpMask gfp = gfp::kernel;
    CpuId cpu{};
    NodeId node = any_node;
    VmFlags flags; ///< vm_flag::no_guard, allow_huge, usermap, flush_reset_perms
    std::uint64_t protection = kernel_protection::data;
    VirtAddr start = vmalloc_layout::start;
    VirtAddr limit = vmalloc_layout::limit;
    std::string_view caller; ///< its text outlives the area
};

/// What vmap, ioremap and get_vm_area are asked for.
struct VmapRequest {
    CpuId cpu{};
    VmFlags flags;
    std::uint64_t protection = kernel_protection::data;
    std::string_view caller; ///< its text outlives the area
};

/// vmalloc and its relatives as in Linux 6.1 on x86-64. Calls take effect at once, but for pages and objects
/// that are waited for: an area has its addresses before it has its pages, and other calls may come between.
/// A page's reference count is not looked at: vmalloc's pages have no other users. After each call trace()
/// lists what it did. Misuse is reported in the kernel's words (reports()) and changes nothing.
class Vmalloc {
public:
    /// Fills the top level of the kernel's tables over the vmalloc range, which must happen before address
    /// spaces copy it. All are borrowed. Throws ConfigError where memory does not suffice.
    Vmalloc(const VmallocConfig& config, PageTableMemory& memory, Pfn root, unsigned levels,
            VmallocPages& pages, VmallocObjects& objects);

    /// vmalloc, vzalloc (gfp::zero), vmalloc_node, vmalloc_huge (vm_flag::allow_huge), module_alloc (a
    /// range of its own): pages taken one by one and mapped in a row. With allow_huge and at least 2 MiB a
    /// node, 2 MiB pages are tried first. Errors also with gfp::nofail, where the kernel would retry for
    /// ever.
    [[nodiscard]] std::expected<VirtAddr, VmallocError> allocate(const VmallocRequest& request);
    /// vfree. Nothing for null.
    void free(VirtAddr address, CpuId cpu);

    /// vmap: maps frames that the caller owns. With vm_flag::map_put_pages vfree gives them back.
    [[nodiscard]] std::expected<VirtAddr, VmallocError> map(std::span<const Pfn> frames,
                                                            const VmapRequest& request);
    /// vunmap. Nothing for null.
    void unmap(VirtAddr address, CpuId cpu);

    /// vm_map_ram: up to 64 pages from a block of this CPU's, more as a range without description.
    [[nodiscard]] std::expected<VirtAddr, VmallocError> map_ram(std::span<const Pfn> frames, NodeId node,
                                                                CpuId cpu);
    /// vm_unmap_ram. `pages` as they were mapped.
    void unmap_ram(VirtAddr address, std::uint64_t pages, CpuId cpu);

    /// ioremap: device memory, not cached, with the largest entries that fit.
    [[nodiscard]] std::expected<VirtAddr, VmallocError> map_io(PhysAddr physical, std::uint64_t bytes,
                                                               VmapRequest request);
    /// iounmap.
    void unmap_io(VirtAddr address, CpuId cpu);

    /// pcpu_get_vm_areas: address space at the top for chunks of per-CPU memory. Empty when there is none.
    [[nodiscard]] std::vector<VirtAddr> allocate_congruent(std::span<const std::uint64_t> offsets,
                                                           std::span<const std::uint64_t> sizes,
                                                           std::uint64_t align, CpuId cpu);
    /// pcpu_free_vm_areas.
    void free_congruent(std::span<const VirtAddr> addresses, CpuId cpu);

    /// vm_unmap_aliases: no TLB holds anything unmapped afterwards.
    void unmap_aliases(CpuId cpu);
    /// More waits for a purge than lazy_max_pages.
    [[nodiscard]] bool drain_due() const { return m_drain_due; }
    /// drain_vmap_area_work: one purge.
    void drain(CpuId cpu);

    /// The area that contains `address`; null where there is none.
    [[nodiscard]] const VmArea* find(VirtAddr address) const;
    [[nodiscard]] const VmapSpace& space() const { return m_space; }
    [[nodiscard]] const VmapBlocks& blocks() const { return m_blocks; }
    [[nodiscard]] const VmallocTables& tables() const { return m_tables; }
    [[nodiscard]] const VmallocPages& page_source() const { return m_pages; }
    /// Pages of vmalloc now: VmallocUsed of /proc/meminfo.
    [[nodiscard]] std::uint64_t pages() const { return m_allocated_pages; }
    /// What the last call did. The page allocator's and the slab allocator's parts have traces of their own.
    [[nodiscard]] const VmallocTrace& trace() const { return m_trace; }
    /// To put its steps aside while an operation waits.
    [[nodiscard]] VmallocTrace& trace() { return m_trace; }
    /// The kernel's words for failures and misuse, without time and task; kept until the next clear.
    [[nodiscard]] const std::vector<std::string>& reports() const { return m_reports; }
    void clear_reports() { m_reports.clear(); }

private:
    enum class FreePages : bool { No, Yes };

    static constexpr std::uint64_t object_bytes = 64; ///< sizeof(struct vm_struct)
    static constexpr std::size_t bulk_pages = 100;    ///< pages a call of the bulk allocator is asked for

    [[nodiscard]] VmArea* open_area(const VmallocRequest& request, std::uint64_t align, unsigned shift);
    void close_area(VmArea& area, CpuId cpu);
    [[nodiscard]] std::expected<VirtAddr, VmallocError> allocate_range(const VmallocRequest& request);
    [[nodiscard]] std::expected<VirtAddr, VmallocError> attempt(const VmallocRequest& request,
                                                                unsigned shift);
    [[nodiscard]] std::expected<void, VmallocError> fill(VmArea& area, const VmallocRequest& request,
                                                         unsigned shift);
    void take_pages(VmArea& area, GfpMask mask, const VmallocRequest& request, std::uint64_t wanted);
    [[nodiscard]] bool take_page_array(VmArea& area, const VmallocRequest& request, std::uint64_t pages);
    /// Unmaps the range; its addresses wait for the purge.
    void remove_range(VmapArea& range, CpuId cpu);
    [[nodiscard]] VmArea* remove(VirtAddr address, CpuId cpu);
    void release(VirtAddr address, FreePages free_pages, CpuId cpu);
    void release_ram(VirtAddr address, std::uint64_t pages, CpuId cpu);
    void unmap_area(VirtAddr address, CpuId cpu);
    void flush_aliases(VirtAddr start, VirtAddr end, bool flush, CpuId cpu);
    void note(VmapSpace::DrainDue due);
    void finish(CpuId cpu);
    void warn(GfpMask mask, const std::string& what);
    [[nodiscard]] SlabRequest objects_of(const VmallocRequest& request) const {
        return {.gfp = request.gfp & reclaim_mask, .cpu = request.cpu, .node = request.node};
    }

    VmallocConfig m_config;
    VmallocPages& m_pages;
    VmallocObjects& m_objects;
    VmallocTrace m_trace;
    VmapSpace m_space;
    VmapBlocks m_blocks;
    VmallocTables m_tables;
    std::map<VirtAddr, std::unique_ptr<VmArea>> m_areas;
    std::uint64_t m_allocated_pages = 0;
    bool m_drain_due = false;
    std::vector<std::string> m_reports;
};

} // namespace pagewalk::os
