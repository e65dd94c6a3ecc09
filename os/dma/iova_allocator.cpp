#include "os/dma/iova_allocator.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pagewalk::os {

namespace {

/// The cache for ranges of so many pages, or one beyond the last.
std::size_t order_of(std::uint64_t pages) { return static_cast<std::size_t>(std::bit_width(pages - 1)); }

} // namespace

std::optional<IovaAllocator::Range> IovaAllocator::allocate(CpuId cpu, std::uint64_t pages, BusPage limit) {
    const std::size_t order = order_of(pages);
    if (order < orders) {
        if (const auto cached = from_cache(cpu, order, limit)) return cached;
        pages = 1ULL << order;
    }
    const auto first = from_tree(pages, limit);
    if (!first) return std::nullopt;
    return Range{*first, Place::Tree};
}

std::optional<IovaAllocator::Range> IovaAllocator::from_cache(CpuId cpu, std::size_t order, BusPage limit) {
    CpuCache& cache = m_cpus[cpu][order];
    Place from = Place::Magazine;
    if (cache.loaded.empty()) {
        if (!cache.previous.empty()) {
            std::swap(cache.loaded, cache.previous);
        } else if (std::vector<Magazine>& full = m_depots[order].full; !full.empty()) {
            cache.loaded = std::move(full.back());
            full.pop_back();
            from = Place::Depot;
        }
    }
    // Masks differ: one that the device cannot reach stays for others.
    const auto found = std::ranges::find_if(cache.loaded.rbegin(), cache.loaded.rend(),
                                            [&](BusPage first) { return first + (1ULL << order) <= limit; });
    if (found == cache.loaded.rend()) return std::nullopt;
    const BusPage first = *found;
    *found = cache.loaded.back();
    cache.loaded.pop_back();
    return Range{first, from};
}

/// From the lowest range downwards, then anywhere below the limit, the highest hole first.
std::optional<BusPage> IovaAllocator::from_tree(std::uint64_t pages, BusPage limit) {
    constexpr std::uint64_t lowest_page = 1; // address 0 means an error
    const auto align = [pages](std::uint64_t end) {
        return (end - pages) & ~(std::bit_ceil(pages) - 1); // size-aligned, as dma-iommu asks
    };
    const auto take = [&](std::uint64_t first) {
        m_tree.emplace(first, pages);
        m_reserved += pages;
        m_lowest = m_lowest == 0 ? first : std::min(m_lowest, first);
        return BusPage(first);
    };
    std::uint64_t end = std::min(limit.value(), m_lowest == 0 ? limit.value() : m_lowest);
    if (end >= pages + lowest_page && align(end) >= lowest_page) return take(align(end));
    end = limit.value();
    for (auto range = m_tree.rbegin(); range != m_tree.rend(); ++range) {
        const std::uint64_t above = range->first + range->second;
        if (end >= pages + lowest_page && above <= end && align(end) >= above) return take(align(end));
        end = std::min(end, range->first);
    }
    return std::nullopt;
}

IovaAllocator::Place IovaAllocator::free(CpuId cpu, BusPage first, std::uint64_t pages) {
    const std::size_t order = order_of(pages);
    if (order >= orders) {
        to_tree(first);
        return Place::Tree;
    }
    CpuCache& cache = m_cpus[cpu][order];
    if (cache.loaded.size() < magazine_ranges) {
        cache.loaded.push_back(first);
        return Place::Magazine;
    }
    if (cache.previous.size() < magazine_ranges) {
        std::swap(cache.loaded, cache.previous);
        cache.loaded.push_back(first);
        return Place::Magazine;
    }
    std::vector<Magazine>& full = m_depots[order].full;
    if (full.size() < depot_magazines)
        full.push_back(std::move(cache.loaded));
    else
        drain(cache.loaded);
    cache.loaded.clear();
    cache.loaded.push_back(first);
    return Place::Depot;
}

void IovaAllocator::drain(Magazine& magazine) {
    for (const BusPage first : magazine) to_tree(first);
    magazine.clear();
}

void IovaAllocator::drain_caches() {
    for (auto& sizes : m_cpus)
        for (CpuCache& cache : sizes) {
            drain(cache.loaded);
            drain(cache.previous);
        }
    for (Depot& depot : m_depots) {
        for (Magazine& magazine : depot.full) drain(magazine);
        depot.full.clear();
    }
}

void IovaAllocator::to_tree(BusPage first) {
    const auto found = m_tree.find(first.value());
    m_reserved -= found->second;
    m_tree.erase(found);
    if (first.value() == m_lowest) m_lowest = m_tree.empty() ? 0 : m_tree.begin()->first;
}

} // namespace pagewalk::os
