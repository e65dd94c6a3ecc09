#include "base/error.h"
#include "os/vmalloc/vmalloc.h"

namespace pagewalk::os {
namespace {

constexpr unsigned giant_level = 3;

} // namespace

std::expected<VirtAddr, VmallocError> Vmalloc::map(std::span<const Pfn> frames, const VmapRequest& request) {
    m_trace.begin();
    if (frames.empty() || frames.size() > m_pages.total_pages())
        return std::unexpected(frames.empty() ? VmallocError::ZeroSize : VmallocError::TooLarge);
    // Without a guard page the mapping behind would lose its own.
    VmallocRequest described{.size = frames.size() * page_size,
                             .cpu = request.cpu,
                             .flags = request.flags.without(vm_flag::no_guard) | vm_flag::map,
                             .caller = request.caller};
    VmArea* const area = open_area(described, 1, page_shift);
    if (area == nullptr) return std::unexpected(VmallocError::NoArea);
    const std::uint64_t protection = request.protection | PageTableEntry::NoExecute;
    if (m_tables.map_pages(area->address, frames, protection, 0, request.cpu) == MapResult::NoMemory) {
        release(area->address, FreePages::No, request.cpu);
        finish(request.cpu);
        return std::unexpected(VmallocError::NoTables);
    }
    if (request.flags.any(vm_flag::map_put_pages)) area->pages.assign(frames.begin(), frames.end());
    finish(request.cpu);
    return area->address;
}

std::expected<VirtAddr, VmallocError> Vmalloc::map_ram(std::span<const Pfn> frames, NodeId node, CpuId cpu) {
    m_trace.begin();
    if (frames.empty()) return std::unexpected(VmallocError::ZeroSize);
    const SlabRequest objects{.gfp = gfp::kernel, .cpu = cpu, .node = node};
    VirtAddr address;
    if (frames.size() <= VmapBlocks::most_pages) {
        SlabRequest block_objects = objects;
        block_objects.node = m_pages.node_of(cpu);
        const auto piece = m_blocks.allocate(frames.size(), block_objects);
        if (!piece) return std::unexpected(VmallocError::NoArea);
        address = *piece;
    } else {
        const auto range =
            m_space.allocate({.size = frames.size() * page_size, .align = page_size, .objects = objects});
        if (!range) return std::unexpected(VmallocError::NoArea);
        address = (*range)->start;
    }
    if (m_tables.map_pages(address, frames, kernel_protection::data, 0, cpu) == MapResult::NoMemory) {
        release_ram(address, frames.size(), cpu);
        finish(cpu);
        return std::unexpected(VmallocError::NoTables);
    }
    finish(cpu);
    return address;
}

void Vmalloc::unmap_ram(VirtAddr address, std::uint64_t pages, CpuId cpu) {
    m_trace.begin();
    release_ram(address, pages, cpu);
    finish(cpu);
}

void Vmalloc::release_ram(VirtAddr address, std::uint64_t pages, CpuId cpu) {
    if (pages <= VmapBlocks::most_pages) {
        m_tables.unmap(address, address + pages * page_size);
        note(m_blocks.free(address, pages, cpu));
        return;
    }
    VmapArea* const range = m_space.find(address);
    PAGEWALK_INVARIANT(range != nullptr && range->vm == nullptr);
    remove_range(*range, cpu);
}

std::expected<VirtAddr, VmallocError> Vmalloc::map_io(PhysAddr physical, std::uint64_t bytes,
                                                      VmapRequest request) {
    m_trace.begin();
    if (bytes == 0) return std::unexpected(VmallocError::ZeroSize);
    const PhysAddr first = physical.page();
    const std::uint64_t size = ((physical + bytes) - first + page_size - 1) & ~(page_size - 1);
    VmArea* const area = open_area({.size = size,
                                    .cpu = request.cpu,
                                    .flags = request.flags | vm_flag::ioremap,
                                    .caller = request.caller},
                                   1, page_shift);
    if (area == nullptr) return std::unexpected(VmallocError::NoArea);
    area->physical = first;
    const unsigned level = m_config.huge_ioremap == VmallocConfig::HugeMappings::On ? giant_level : 1;
    if (m_tables.map_range(area->address, area->address + size, first, kernel_protection::uncached, level,
                           request.cpu) == MapResult::NoMemory) {
        unmap_area(area->address, request.cpu);
        finish(request.cpu);
        return std::unexpected(VmallocError::NoTables);
    }
    finish(request.cpu);
    return area->address + physical.page_offset();
}

void Vmalloc::unmap_io(VirtAddr address, CpuId cpu) {
    m_trace.begin();
    unmap_area(address.page(), cpu);
    finish(cpu);
}

void Vmalloc::unmap_area(VirtAddr address, CpuId cpu) {
    VmArea* const area = remove(address, cpu);
    if (area == nullptr) {
        m_reports.push_back("iounmap: bad address " + pointer_text(address));
        return;
    }
    close_area(*area, cpu);
}

std::vector<VirtAddr> Vmalloc::allocate_congruent(std::span<const std::uint64_t> offsets,
                                                  std::span<const std::uint64_t> sizes, std::uint64_t align,
                                                  CpuId cpu) {
    m_trace.begin();
    const SlabRequest request{.gfp = gfp::kernel, .cpu = cpu};
    std::vector<VirtAddr> objects;
    const auto give_back = [&] {
        for (const VirtAddr object : objects) m_objects.free(object, cpu);
        return std::vector<VirtAddr>{};
    };
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        const auto object = m_objects.allocate(object_bytes, request);
        if (!object) return give_back();
        objects.push_back(*object);
    }
    const auto ranges = m_space.allocate_congruent(offsets, sizes, align, request);
    if (ranges.empty()) return give_back();
    std::vector<VirtAddr> addresses;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        auto area = std::make_unique<VmArea>();
        area->address = ranges[i]->start;
        area->size = ranges[i]->size();
        area->flags = vm_flag::alloc;
        area->caller = "pcpu_get_vm_areas+0x0/0x1080";
        area->object = objects[i];
        ranges[i]->vm = area.get();
        addresses.push_back(area->address);
        m_areas.emplace(area->address, std::move(area));
    }
    return addresses;
}

void Vmalloc::free_congruent(std::span<const VirtAddr> addresses, CpuId cpu) {
    m_trace.begin();
    for (const VirtAddr address : addresses) {
        VmArea* const area = remove(address, cpu);
        PAGEWALK_INVARIANT(area != nullptr);
        close_area(*area, cpu);
    }
    finish(cpu);
}

} // namespace pagewalk::os
