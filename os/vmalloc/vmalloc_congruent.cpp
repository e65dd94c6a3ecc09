#include "base/error.h"
#include "os/vmalloc/vmalloc_space.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

/// From `area` down, the highest aligned address below the end of free memory; moves `area` to where it is.
/// 0 where there is none.
std::uint64_t highest_end(const VmapArea*& area, std::uint64_t align) {
    const std::uint64_t top = vmalloc_layout::limit.value() & ~(align - 1);
    for (; area != nullptr; area = area->list_prev) {
        const std::uint64_t end = std::min(area->end.value() & ~(align - 1), top);
        if (area->start.value() < end) return end;
    }
    return 0;
}

} // namespace

std::optional<VirtAddr> VmapSpace::congruent_base(std::span<const std::uint64_t> offsets,
                                                  std::span<const std::uint64_t> sizes, std::uint64_t align) {
    const std::uint64_t bottom = (vmalloc_layout::start.value() + align - 1) & ~(align - 1);
    const std::uint64_t top = vmalloc_layout::limit.value() & ~(align - 1);
    const auto count = offsets.size();
    const auto highest = static_cast<std::size_t>(std::ranges::max_element(offsets) - offsets.begin());
    std::size_t at = highest;
    std::size_t settled = highest; // all areas from here round to `at` fit the base
    std::uint64_t end = offsets[at] + sizes[at];
    const std::uint64_t extent = end;
    const VmapArea* area = m_free.find_below(VirtAddr(top));
    std::uint64_t base = highest_end(area, align) - end;
    while (true) {
        // `base` may have wrapped around below 0; the sum has not.
        if (base + extent < bottom + extent || area == nullptr) return std::nullopt;
        if (base + end > area->end.value()) {
            base = highest_end(area, align) - end;
            settled = at;
            continue;
        }
        if (base + offsets[at] < area->start.value()) {
            area = area->list_prev;
            base = highest_end(area, align) - end;
            settled = at;
            continue;
        }
        at = (at + count - 1) % count;
        if (at == settled) return VirtAddr(base);
        end = offsets[at] + sizes[at];
        area = m_free.find_below(VirtAddr(base + end));
    }
}

std::vector<VmapArea*> VmapSpace::allocate_congruent(std::span<const std::uint64_t> offsets,
                                                     std::span<const std::uint64_t> sizes,
                                                     std::uint64_t align, const SlabRequest& objects) {
    PAGEWALK_INVARIANT(!offsets.empty() && offsets.size() == sizes.size());
    std::vector<VmapArea*> areas;
    const auto give_back = [&] {
        for (VmapArea* area : areas) close(*area, objects.cpu);
        return std::vector<VmapArea*>{};
    };
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        VmapArea* area = open(objects);
        if (area == nullptr) return give_back();
        areas.push_back(area);
    }
    for (bool purged = false;; purged = true) {
        const CpuId cpu = m_objects.current_cpu(objects.cpu);
        m_trace.acquire(VmallocLock::Free);
        const auto base = congruent_base(offsets, sizes, align);
        std::size_t taken = 0;
        for (; base && taken < areas.size(); ++taken) {
            const VirtAddr start = *base + offsets[taken];
            VmapArea* const free = m_free.find_below(start);
            PAGEWALK_INVARIANT(free != nullptr);
            if (!clip(*free, start, sizes[taken], cpu)) break;
            areas[taken]->start = start;
            areas[taken]->end = start + sizes[taken];
        }
        if (taken == areas.size()) {
            m_trace.release(VmallocLock::Free);
            break;
        }
        // No object for a remainder: what was cut out goes back.
        while (taken > 0) {
            --taken;
            merge(m_free, *areas[taken], cpu);
            areas.erase(areas.begin() + static_cast<std::ptrdiff_t>(taken));
        }
        m_trace.release(VmallocLock::Free);
        if (purged) return give_back();
        purge_all(cpu);
        while (areas.size() < offsets.size()) {
            VmapArea* area = open(objects);
            if (area == nullptr) return give_back();
            areas.push_back(area);
        }
    }
    m_trace.acquire(VmallocLock::Busy);
    for (VmapArea* area : areas) m_busy.insert(*area);
    m_trace.release(VmallocLock::Busy);
    return areas;
}

} // namespace pagewalk::os
