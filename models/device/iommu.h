#pragma once

#include "base/histogram.h"
#include "base/stats.h"
#include "contract/iommu.h"
#include "contract/memory_access.h"
#include "contract/page_table.h"
#include "models/device/iommu_config.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::models {

struct IommuStats {
    std::uint64_t translations = 0;
    std::uint64_t iotlb_hits = 0;
    std::uint64_t iotlb_misses = 0;
    std::uint64_t walk_loads = 0;
    std::uint64_t invalidations = 0;
    std::uint64_t faults = 0;
    Histogram walk_latency; ///< ps

    void declare(StatGroup group) const;
};

/// Translations by device and page, the least recently used of a set replaced. Of each it is known when it
/// will be there: who hits before waits.
class IoTranslationCache {
public:
    struct Entry {
        std::uint64_t page = 0;
        DeviceId device{};
        bool valid = false;
        Pfn frame{};
        Tick ready{};
        std::uint64_t used = 0;
    };

    IoTranslationCache(std::uint32_t entries, std::uint32_t ways)
        : m_entries(entries), m_ways(ways), m_sets(ways == 0 ? 0 : entries / ways) {}

    /// Null where it is not held.
    [[nodiscard]] const Entry* find(DeviceId device, std::uint64_t page);
    void insert(DeviceId device, std::uint64_t page, Pfn frame, Tick ready);
    void drop(DeviceId device, std::uint64_t first, std::uint64_t pages);

private:
    [[nodiscard]] std::size_t begin_of(std::uint64_t page) const {
        return static_cast<std::size_t>(page % m_sets) * m_ways;
    }

    std::vector<Entry> m_entries;
    std::uint32_t m_ways;
    std::uint64_t m_sets;
    std::uint64_t m_time = 0;
    std::size_t m_last = 0; ///< hit last: lines of a page follow each other
};

/// An access that the IOMMU has refused.
struct IommuFault {
    DeviceId device{};
    PhysAddr line{}; ///< I/O virtual
    AccessKind kind = AccessKind::Dma;
    Tick time{};
};

/// An IOMMU between devices and the shared memory system: translates what attached devices access, with an
/// IOTLB, caches of the upper levels' entries and walkers whose loads go through the memory system. Addresses
/// of devices that are not attached pass. Timed by reservation, as all shared hardware.
///
/// An access to a page that is not mapped is a fault: it is refused (`ready` is no_time), counted and kept
/// for the log. What the device makes of that is its own affair.
class Iommu final : public SharedMemory, public IommuDevice {
public:
    /// Of the tables' four levels.
    static constexpr PhysAddr end_of_addresses{1ULL << 48};

    Iommu(const IommuConfig& config, SharedMemory& memory, PageTableMemory& tables);

    LineResponse request(const LineRequest& request) override;

    void attach(DeviceId device, Pfn root) override;
    void invalidate(DeviceId device, BusPage first, std::uint64_t pages) override;
    void invalidate_all(DeviceId device) override;

    [[nodiscard]] const IommuStats& stats() const { return m_stats; }
    /// The first faults, at most 16.
    [[nodiscard]] const std::vector<IommuFault>& faults() const { return m_faults; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    static constexpr unsigned levels = 4;
    static constexpr std::size_t most_faults_kept = 16;
    struct Translation {
        Pfn frame{};
        Tick ready{};
    };

    // None: a fault.
    [[nodiscard]] std::optional<Translation> translate(const LineRequest& request, Pfn root);
    [[nodiscard]] std::optional<Translation> walk(const LineRequest& request, Pfn root);
    LineResponse fault(const LineRequest& request);

    IommuConfig m_config;
    SharedMemory& m_memory;
    PageTableMemory& m_tables;
    std::vector<Pfn> m_roots; ///< by device; no_pfn: not attached
    IoTranslationCache m_iotlb;
    std::array<IoTranslationCache, levels - 1> m_walk_caches; ///< of entries of levels 2, 3, 4
    std::vector<Tick> m_walkers;                              ///< when each is free
    std::vector<IommuFault> m_faults;
    IommuStats m_stats;
};

/// For the log; `device`: its name.
[[nodiscard]] std::string to_string(const IommuFault& fault, std::string_view device);

} // namespace pagewalk::models
