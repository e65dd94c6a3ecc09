#pragma once

#include "base/ids.h"
#include "contract/bus_address.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace pagewalk::os {

/// Where I/O virtual addresses come from: a tree of the ranges in use, filled from the top down, in front of
/// it caches of freed ranges by size, as Linux's iova.c has them. A CPU has two magazines of 128 ranges for
/// each size of 1, 2, 4 .. 32 pages; full ones go to a depot that all CPUs share.
class IovaAllocator {
public:
    /// Where a range came from, or went.
    enum class Place : std::uint8_t { Magazine, Depot, Tree };
    struct Range {
        BusPage first{};
        Place from = Place::Tree;
    };

    explicit IovaAllocator(std::size_t cpus) : m_cpus(cpus) {}

    /// `pages` pages below `limit`; sizes that are cached are rounded up to a power of two. None where there
    /// is no room.
    [[nodiscard]] std::optional<Range> allocate(CpuId cpu, std::uint64_t pages, BusPage limit);
    /// Contract: allocated with the same `pages`.
    Place free(CpuId cpu, BusPage first, std::uint64_t pages);
    /// Gives the ranges of all caches back to the tree (free_cpu_cached_iovas, free_global_cached_iovas).
    void drain_caches();
    /// Pages of ranges that are in the tree, those in caches included.
    [[nodiscard]] std::uint64_t reserved_pages() const { return m_reserved; }

private:
    static constexpr std::size_t orders = 6;            // IOVA_RANGE_CACHE_MAX_SIZE
    static constexpr std::size_t magazine_ranges = 128; // IOVA_MAG_SIZE
    static constexpr std::size_t depot_magazines = 32;  // MAX_GLOBAL_MAGS
    using Magazine = std::vector<BusPage>;
    struct CpuCache {
        Magazine loaded, previous;
    };
    struct Depot {
        std::vector<Magazine> full;
    };

    [[nodiscard]] std::optional<Range> from_cache(CpuId cpu, std::size_t order, BusPage limit);
    [[nodiscard]] std::optional<BusPage> from_tree(std::uint64_t pages, BusPage limit);
    void to_tree(BusPage first);
    void drain(Magazine& magazine);

    IndexedVec<CpuId, std::array<CpuCache, orders>> m_cpus;
    std::array<Depot, orders> m_depots;
    std::map<std::uint64_t, std::uint64_t> m_tree; ///< pages by first page
    std::uint64_t m_reserved = 0;
    std::uint64_t m_lowest = 0; ///< first page of the lowest range; 0: look from the top
};

} // namespace pagewalk::os
