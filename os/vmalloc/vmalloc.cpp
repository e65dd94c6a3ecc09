#include "os/vmalloc/vmalloc.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <iterator>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr unsigned large_shift = page_shift + 9; // PMD_SHIFT
constexpr unsigned largest_io_shift = 30;        // IOREMAP_MAX_ORDER of x86-64: PUD_SHIFT
constexpr std::uint64_t pointer_bytes = 8;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) & ~(to - 1);
}

bool is_vmalloc(VirtAddr address) {
    return address >= vmalloc_layout::start && address <= vmalloc_layout::limit;
}

// Where nobody has placed the locks, tests say, each has a line all the same.
VmallocPlaces places_of(VmallocPlaces places, std::size_t cpus) {
    for (std::size_t cpu = places.block_queues.size(); cpu < cpus; ++cpu)
        places.block_queues.push_back(VirtAddr(0x7000 + cpu * line_size));
    return places;
}

} // namespace

Vmalloc::Vmalloc(const VmallocConfig& config, PageTableMemory& memory, Pfn root, unsigned levels,
                 VmallocPages& pages, VmallocObjects& objects)
    : m_config(config), m_pages(pages), m_objects(objects),
      m_trace(places_of(config.places, pages.cpu_count())), m_space(objects, pages.cpu_count(), m_trace),
      m_blocks(m_space, objects, pages.cpu_count(), config.configured_cpus, m_trace),
      m_tables(memory, pages, root, levels, m_trace) {
    m_space.set_hoarder(&m_blocks);
    const MapResult top = m_tables.preallocate(vmalloc_layout::start, vmalloc_layout::limit, CpuId{});
    if (top == MapResult::NoMemory)
        throw ConfigError("memory: the page tables of the vmalloc range do not fit; give the machine at "
                          "least 128MiB");
    m_trace.begin();
}

VmArea* Vmalloc::open_area(const VmallocRequest& request, std::uint64_t align, unsigned shift) {
    const std::uint64_t size = round_up(request.size, 1ULL << shift);
    if (size == 0) return nullptr;
    if (request.flags.any(vm_flag::ioremap))
        align =
            1ULL << std::clamp(static_cast<unsigned>(std::bit_width(size - 1)), page_shift, largest_io_shift);
    const SlabRequest objects = objects_of(request);
    const auto object = m_objects.allocate(object_bytes, objects);
    if (!object) return nullptr;
    const std::uint64_t guard = request.flags.any(vm_flag::no_guard) ? 0 : page_size;
    SlabRequest range_objects = objects;
    range_objects.gfp = request.gfp;
    const auto range = m_space.allocate({.size = size + guard,
                                         .align = align,
                                         .start = request.start,
                                         .limit = request.limit,
                                         .objects = range_objects});
    if (!range) {
        if (range.error() == SpaceError::NoSpace && !request.gfp.any(gfp::nowarn))
            m_reports.push_back("vmap allocation for size " + std::to_string(size + guard) +
                                " failed: use vmalloc=<size> to increase size");
        m_objects.free(*object, request.cpu);
        return nullptr;
    }
    auto area = std::make_unique<VmArea>();
    area->address = (*range)->start;
    area->size = (*range)->size();
    area->flags = request.flags;
    area->caller = request.caller;
    area->object = *object;
    m_trace.acquire(VmallocLock::Busy);
    m_trace.write_area((*range)->object);
    (*range)->vm = area.get();
    m_trace.release(VmallocLock::Busy);
    VmArea* const opened = area.get();
    m_areas.emplace(opened->address, std::move(area));
    return opened;
}

void Vmalloc::close_area(VmArea& area, CpuId cpu) {
    m_objects.free(area.object, cpu);
    m_areas.erase(area.address);
}

std::expected<VirtAddr, VmallocError> Vmalloc::allocate(const VmallocRequest& request) {
    m_trace.begin();
    const auto address = allocate_range(request);
    finish(request.cpu);
    return address;
}

std::expected<VirtAddr, VmallocError> Vmalloc::allocate_range(const VmallocRequest& request) {
    if (request.size == 0) return std::unexpected(VmallocError::ZeroSize);
    if (request.size >> page_shift > m_pages.total_pages()) {
        warn(request.gfp, "vmalloc error: size " + std::to_string(request.size) + ", exceeds total pages");
        return std::unexpected(VmallocError::TooLarge);
    }
    if (m_config.huge_vmalloc == VmallocConfig::HugeMappings::On && request.flags.any(vm_flag::allow_huge)) {
        const std::uint64_t a_node =
            request.node == any_node ? request.size / m_pages.node_count() : request.size;
        if (a_node >= 1ULL << large_shift)
            if (const auto address = attempt(request, large_shift)) return address;
    }
    return attempt(request, page_shift);
}

std::expected<VirtAddr, VmallocError> Vmalloc::attempt(const VmallocRequest& request, unsigned shift) {
    VmallocRequest described = request;
    described.flags = request.flags | vm_flag::alloc | vm_flag::uninitialized;
    const std::uint64_t align =
        shift == page_shift ? request.align : std::max(request.align, std::uint64_t{1} << shift);
    VmArea* area = open_area(described, align, shift);
    if (area == nullptr) {
        warn(request.gfp, "vmalloc error: size " + std::to_string(request.size) +
                              ", vm_struct allocation failed" +
                              (request.gfp.any(gfp::nofail) ? ". Retrying." : ""));
        return std::unexpected(VmallocError::NoArea);
    }
    if (const auto filled = fill(*area, request, shift); !filled) return std::unexpected(filled.error());
    area->flags = area->flags.without(vm_flag::uninitialized);
    return area->address;
}

bool Vmalloc::take_page_array(VmArea& area, const VmallocRequest& request, std::uint64_t pages) {
    VmallocRequest array;
    array.size = pages * pointer_bytes;
    array.gfp = (request.gfp & reclaim_mask) | gfp::zero;
    array.cpu = request.cpu;
    array.node = request.node;
    array.caller = request.caller;
    if (array.size > page_size) {
        const auto address = allocate_range(array);
        if (!address) return false;
        area.page_array = *address;
        return true;
    }
    const auto object =
        m_objects.allocate(array.size, {.gfp = array.gfp, .cpu = array.cpu, .node = array.node});
    if (!object) return false;
    area.page_array = *object;
    return true;
}

std::expected<void, VmallocError> Vmalloc::fill(VmArea& area, const VmallocRequest& request, unsigned shift) {
    const std::uint64_t wanted = area.usable() >> page_shift;
    // From here on the kernel is silent about failures: the mask that its reports look at says so.
    GfpMask mask = request.gfp | gfp::nowarn;
    if (!mask.any(gfp::dma_zone | gfp::dma32_zone)) mask = mask | gfp::highmem;
    if (!take_page_array(area, request, wanted)) {
        VmArea* const removed = remove(area.address, request.cpu);
        PAGEWALK_INVARIANT(removed == &area);
        close_area(area, request.cpu);
        return std::unexpected(VmallocError::NoPageArray);
    }
    area.page_order = shift - page_shift;
    take_pages(area, mask, request, wanted);
    m_allocated_pages += area.pages.size();
    VmallocError error = VmallocError::NoPages;
    if (area.pages.size() == wanted) {
        if (m_tables.map_pages(area.address, area.pages, request.protection, area.page_order, request.cpu) ==
            MapResult::Mapped)
            return {};
        error = VmallocError::NoTables;
    }
    release(area.address, FreePages::Yes, request.cpu);
    return std::unexpected(error);
}

void Vmalloc::take_pages(VmArea& area, GfpMask mask, const VmallocRequest& request, std::uint64_t wanted) {
    const unsigned order = area.page_order;
    area.pages.reserve(wanted);
    const auto count_call = [&](std::size_t got) {
        ++m_trace.summary().page_calls;
        m_trace.summary().pages_taken += static_cast<std::uint32_t>(got);
    };
    const auto add = [&](Pfn frame) {
        area.pages.push_back(frame);
        m_trace.store_page(frame);
    };
    PageRequest pages{.gfp = mask, .order = order, .cpu = request.cpu, .node = request.node};
    if (order == 0) {
        PageRequest bulk = pages;
        bulk.gfp = mask.without(gfp::nofail);
        std::array<Pfn, bulk_pages> frames;
        while (area.pages.size() < wanted) {
            const std::size_t asked = std::min<std::size_t>(bulk_pages, wanted - area.pages.size());
            const std::size_t got = m_pages.allocate_bulk(bulk, std::span(frames).first(asked));
            count_call(got);
            for (const Pfn frame : std::span(frames).first(got)) add(frame);
            if (got != asked) break;
        }
    } else {
        pages.gfp = mask.without(gfp::nofail);
    }
    while (area.pages.size() < wanted) {
        const auto frame = m_pages.allocate(pages);
        count_call(frame ? std::size_t{1} << order : 0);
        if (!frame) break;
        if (order != 0) m_pages.split(*frame, order);
        for (std::uint64_t i = 0; i < 1ULL << order; ++i) add(*frame + i);
    }
}

void Vmalloc::free(VirtAddr address, CpuId cpu) {
    m_trace.begin();
    if (address == VirtAddr{}) return;
    release(address, FreePages::Yes, cpu);
    finish(cpu);
}

void Vmalloc::unmap(VirtAddr address, CpuId cpu) {
    m_trace.begin();
    if (address == VirtAddr{}) return;
    release(address, FreePages::No, cpu);
    finish(cpu);
}

void Vmalloc::release(VirtAddr address, FreePages free_pages, CpuId cpu) {
    if (address.page_offset() != 0) {
        m_reports.push_back("Trying to vfree() bad address (" + pointer_text(address) + ")");
        return;
    }
    VmapArea* const range = m_space.find(address);
    VmArea* const area = range == nullptr ? nullptr : range->vm;
    if (area == nullptr) {
        m_reports.push_back("Trying to vfree() nonexistent vm area (" + pointer_text(address) + ")");
        return;
    }
    VmArea* const removed = remove(area->address, cpu);
    PAGEWALK_INVARIANT(removed == area);
    if (area->flags.any(vm_flag::flush_reset_perms)) {
        // The direct map of the pages had permissions of its own and is flushed with it.
        VirtAddr start(~0ULL);
        VirtAddr end{};
        if (free_pages == FreePages::Yes)
            for (std::size_t i = 0; i < area->pages.size(); i += std::size_t{1} << area->page_order) {
                const VirtAddr page = kernel_layout::direct_map(address_of(area->pages[i]));
                start = std::min(start, page);
                end = std::max(end, page + (page_size << area->page_order));
            }
        flush_aliases(start, end, end != VirtAddr{}, cpu);
    }
    if (free_pages == FreePages::Yes) {
        for (const Pfn frame : area->pages) {
            ++m_trace.summary().pages_freed;
            m_pages.free(frame, 0, cpu);
        }
        if (!area->flags.any(vm_flag::map_put_pages)) m_allocated_pages -= area->pages.size();
        if (is_vmalloc(area->page_array)) {
            release(area->page_array, FreePages::Yes, cpu);
        } else if (area->page_array != VirtAddr{}) {
            m_objects.free(area->page_array, cpu);
        }
    }
    close_area(*area, cpu);
}

VmArea* Vmalloc::remove(VirtAddr address, CpuId cpu) {
    VmapArea* const range = m_space.find(address);
    if (range == nullptr || range->vm == nullptr) return nullptr;
    VmArea* const area = std::exchange(range->vm, nullptr);
    remove_range(*range, cpu);
    return area;
}

void Vmalloc::remove_range(VmapArea& range, CpuId cpu) {
    m_tables.unmap(range.start, range.end);
    note(m_space.free_lazily(range, cpu));
}

void Vmalloc::note(VmapSpace::DrainDue due) {
    if (due == VmapSpace::DrainDue::No) return;
    m_trace.summary().purge_wanted = true;
    m_drain_due = true;
}

void Vmalloc::finish(CpuId cpu) {
    if (m_drain_due && m_config.drain == VmallocConfig::Drain::AtOnce) {
        m_trace.acquire(VmallocLock::Purge);
        m_space.purge(VirtAddr(~0ULL), VirtAddr{}, cpu);
        m_trace.release(VmallocLock::Purge);
        m_drain_due = false;
    }
}

void Vmalloc::drain(CpuId cpu) {
    m_trace.begin();
    m_trace.acquire(VmallocLock::Purge);
    m_space.purge(VirtAddr(~0ULL), VirtAddr{}, cpu);
    m_trace.release(VmallocLock::Purge);
    m_drain_due = false;
}

void Vmalloc::unmap_aliases(CpuId cpu) {
    m_trace.begin();
    flush_aliases(VirtAddr(~0ULL), VirtAddr{}, false, cpu);
}

void Vmalloc::flush_aliases(VirtAddr start, VirtAddr end, bool flush, CpuId cpu) {
    flush |= m_blocks.add_dirty_range(start, end);
    m_trace.acquire(VmallocLock::Purge);
    m_blocks.purge_fragmented(cpu);
    if (!m_space.purge(start, end, cpu) && flush) m_trace.flush(start, end);
    m_trace.release(VmallocLock::Purge);
}

const VmArea* Vmalloc::find(VirtAddr address) const {
    const auto above = m_areas.upper_bound(address);
    if (above == m_areas.begin()) return nullptr;
    const VmArea& area = *std::prev(above)->second;
    return address < area.address + area.size ? &area : nullptr;
}

void Vmalloc::warn(GfpMask mask, const std::string& what) {
    if (mask.any(gfp::nowarn)) return;
    std::array<char, 16> bits{};
    std::snprintf(bits.data(), bits.size(), "%#x", mask.bits());
    m_reports.push_back(what + ", mode:" + bits.data() + "(" + to_string(mask) + "), nodemask=(null)");
}

} // namespace pagewalk::os
