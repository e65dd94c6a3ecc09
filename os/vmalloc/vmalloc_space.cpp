#include "os/vmalloc/vmalloc_space.h"

#include "base/error.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t lazy_bytes_per_bit = 32ULL << 20; // lazy_max_pages

constexpr VirtAddr aligned_up(VirtAddr address, std::uint64_t align) {
    return VirtAddr((address.value() + align - 1) & ~(align - 1));
}

} // namespace

VmapSpace::VmapSpace(VmallocObjects& objects, std::size_t cpus, VmallocTrace& trace)
    : m_objects(objects), m_trace(trace), m_free(trace), m_busy(trace), m_lazy(trace),
      m_preloaded(cpus, nullptr),
      m_lazy_max_pages(static_cast<std::uint64_t>(std::bit_width(cpus)) * lazy_bytes_per_bit / page_size) {
    VmapArea* all = open({.gfp = gfp::nowait});
    PAGEWALK_INVARIANT(all != nullptr);
    all->start = VirtAddr(1);
    all->end = VirtAddr(~0ULL);
    m_free.insert(*all);
}

VmapArea* VmapSpace::open(const SlabRequest& request) {
    const auto object = m_objects.allocate_area(request);
    if (!object) return nullptr;
    VmapArea* area = nullptr;
    if (m_unused.empty()) {
        area = &m_areas.emplace_back();
    } else {
        area = m_unused.back();
        m_unused.pop_back();
    }
    *area = VmapArea{.object = *object};
    return area;
}

void VmapSpace::close(VmapArea& area, CpuId cpu) {
    m_objects.free_area(area.object, cpu);
    m_unused.push_back(&area);
}

void VmapSpace::preload_and_lock(const SlabRequest& request) {
    VmapArea* const fresh = m_preloaded[request.cpu] == nullptr ? open(request) : nullptr;
    m_trace.acquire(VmallocLock::Free);
    if (fresh == nullptr) return;
    // It may have been waited for, and this CPU been given one meanwhile.
    const CpuId cpu = m_objects.current_cpu(request.cpu);
    if (m_preloaded[cpu] == nullptr)
        m_preloaded[cpu] = fresh;
    else
        close(*fresh, cpu);
}

std::expected<VmapArea*, SpaceError> VmapSpace::allocate(const SpaceRequest& request) {
    PAGEWALK_INVARIANT(request.size != 0 && request.size % page_size == 0);
    PAGEWALK_INVARIANT(std::has_single_bit(request.align));
    SlabRequest objects = request.objects;
    objects.gfp = objects.gfp & reclaim_mask;
    VmapArea* area = open(objects);
    if (area == nullptr) return std::unexpected(SpaceError::NoObject);
    for (bool purged = false;; purged = true) {
        objects.cpu = m_objects.current_cpu(objects.cpu);
        preload_and_lock(objects);
        objects.cpu = m_objects.current_cpu(objects.cpu);
        const auto start = take(request, objects.cpu);
        m_trace.release(VmallocLock::Free);
        if (start) {
            area->start = *start;
            area->end = *start + request.size;
            m_trace.acquire(VmallocLock::Busy);
            m_busy.insert(*area);
            m_trace.release(VmallocLock::Busy);
            return area;
        }
        if (purged) break;
        purge_all(objects.cpu);
    }
    close(*area, objects.cpu);
    return std::unexpected(SpaceError::NoSpace);
}

std::optional<VirtAddr> VmapSpace::take(const SpaceRequest& request, CpuId cpu) {
    // Room for the worst case of alignment, unless the range is to be filled exactly.
    std::uint64_t searched = request.size;
    if (request.align > page_size && request.limit - request.start != request.size)
        searched += request.align - 1;
    VmapArea* area = m_free.lowest_fit(request.size, request.align, request.start, searched);
    if (area == nullptr) return std::nullopt;
    const VirtAddr start = aligned_up(std::max(area->start, request.start), request.align);
    if (start + request.size > request.limit) return std::nullopt;
    if (!clip(*area, start, request.size, cpu)) return std::nullopt;
    return start;
}

bool VmapSpace::clip(VmapArea& area, VirtAddr start, std::uint64_t size, CpuId cpu) {
    const VirtAddr end = start + size;
    PAGEWALK_INVARIANT(area.start <= start && end <= area.end);
    if (area.start == start && area.end == end) {
        m_free.erase(area);
        close(area, cpu);
    } else if (area.start == start) {
        area.start = end;
        m_free.resized(area);
    } else if (area.end == end) {
        area.end = start;
        m_free.resized(area);
    } else {
        VmapArea*& spare = m_preloaded[cpu];
        VmapArea* below = spare != nullptr ? spare : open({.gfp = gfp::nowait, .cpu = cpu});
        spare = nullptr;
        if (below == nullptr) return false;
        below->start = area.start;
        below->end = start;
        area.start = end;
        m_free.resized(area);
        m_free.insert(*below);
    }
    return true;
}

void VmapSpace::merge(VmapTree& tree, VmapArea& area, CpuId cpu) {
    const VmapTree::Place place = tree.place_for(area.start, area.end);
    VmapArea* const prev = place.prev != nullptr && place.prev->end == area.start ? place.prev : nullptr;
    VmapArea* const next = place.next != nullptr && place.next->start == area.end ? place.next : nullptr;
    if (prev == nullptr && next == nullptr) {
        tree.insert(area, place);
        return;
    }
    if (prev == nullptr) {
        next->start = area.start;
        tree.resized(*next);
        close(area, cpu);
        return;
    }
    const VirtAddr end = next != nullptr ? next->end : area.end;
    close(area, cpu);
    if (next != nullptr) {
        tree.erase(*next);
        close(*next, cpu);
    }
    prev->end = end;
    tree.resized(*prev);
}

VmapSpace::DrainDue VmapSpace::free_lazily(VmapArea& area, CpuId cpu) {
    m_trace.acquire(VmallocLock::Busy);
    m_busy.erase(area);
    m_trace.release(VmallocLock::Busy);
    m_lazy_pages += area.size() >> page_shift;
    m_trace.acquire(VmallocLock::Lazy);
    merge(m_lazy, area, cpu);
    m_trace.release(VmallocLock::Lazy);
    return m_lazy_pages > m_lazy_max_pages ? DrainDue::Yes : DrainDue::No;
}

bool VmapSpace::purge(VirtAddr start, VirtAddr end, CpuId cpu) {
    m_trace.acquire(VmallocLock::Lazy);
    VmapArea* area = m_lazy.first();
    const VmapArea* const last = m_lazy.last();
    m_lazy.clear();
    m_trace.release(VmallocLock::Lazy);
    if (area == nullptr) return false;
    ++m_purges;
    m_trace.flush(std::min(start, area->start), std::max(end, last->end));
    m_trace.acquire(VmallocLock::Free);
    while (area != nullptr) {
        VmapArea* const next = area->list_next;
        m_lazy_pages -= area->size() >> page_shift;
        merge(m_free, *area, cpu);
        area = next;
    }
    m_trace.release(VmallocLock::Free);
    return true;
}

void VmapSpace::purge_all(CpuId cpu) {
    m_trace.acquire(VmallocLock::Purge);
    if (m_hoarder != nullptr) m_hoarder->purge_fragmented(cpu);
    purge(VirtAddr(~0ULL), VirtAddr{}, cpu);
    m_trace.release(VmallocLock::Purge);
}

VmapArea* VmapSpace::find(VirtAddr address) {
    m_trace.acquire(VmallocLock::Busy);
    VmapArea* const area = m_busy.find(address);
    m_trace.release(VmallocLock::Busy);
    return area;
}

} // namespace pagewalk::os
