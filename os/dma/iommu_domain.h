#pragma once

#include "contract/iommu.h"
#include "contract/page_table.h"
#include "os/dma/dma_device.h"
#include "os/dma/iova_allocator.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace pagewalk::os {

enum class IommuMode : std::uint8_t {
    Off,
    Passthrough, ///< devices use physical addresses
    Lazy,        ///< what is unmapped leaves the IOTLB later, many ranges at a time
    Strict,      ///< what is unmapped leaves the IOTLB at once
};
[[nodiscard]] constexpr bool translates(IommuMode mode) {
    return mode == IommuMode::Lazy || mode == IommuMode::Strict;
}

struct IommuDomainStats {
    std::uint64_t mappings = 0;       ///< ranges mapped
    std::uint64_t table_pages = 0;    ///< now
    std::uint64_t iova_from_tree = 0; ///< ranges that no cache had
    std::uint64_t invalidations = 0;  ///< commands to the IOMMU, each waited for
    std::uint64_t queue_full = 0;     ///< flush queues emptied because they were full
    std::uint64_t queue_timeouts = 0; ///< flush queues emptied because of their age

    void declare(StatGroup group) const;
};

/// The I/O virtual addresses of a device: its page tables, which lie in frames of their own, and who frees
/// its addresses when. As Linux's dma-iommu and intel-iommu: a table stays once it is made.
class IommuDomain {
public:
    static constexpr unsigned levels = 4;
    static constexpr std::size_t flush_queue_ranges = 256;                // IOVA_FQ_SIZE
    static constexpr Tick flush_queue_timeout{10'000'000 * ticks_per_ns}; // IOVA_FQ_TIMEOUT

    struct Parts {
        FrameAllocator& frames;
        PageTableMemory& tables;
        IommuDevice& iommu;
    };
    IommuDomain(const Parts& parts, const DmaDevice& device, IommuMode mode, std::size_t cpus);

    /// Makes the top-level table and tells the IOMMU. Throws ConfigError where there is no memory for it.
    void attach(Operation& op);
    /// Maps frames to consecutive pages. None where there is no address or no memory for a table.
    [[nodiscard]] std::optional<BusPage> map(Operation& op, std::span<const Pfn> frames);
    /// Contract: mapped as one range.
    void unmap(Operation& op, BusPage first, std::uint64_t pages);
    [[nodiscard]] const IommuDomainStats& stats() const { return m_stats; }

private:
    struct Queued {
        BusPage first{};
        std::uint64_t pages = 0;
    };

    [[nodiscard]] std::optional<BusPage> allocate_range(Operation& op, std::uint64_t pages);
    [[nodiscard]] std::optional<IovaAllocator::Range> find_range(CpuId cpu, std::uint64_t pages);
    void flush_all_queues(Operation& op);
    void free_range(Operation& op, BusPage first, std::uint64_t pages);
    /// The table of the lowest level for a page; null where there is no memory for it.
    PageTableMemory::Table* leaf_table(Operation& op, BusPage page, Pfn& table);
    [[nodiscard]] std::optional<Pfn> make_table(Operation& op);
    void clear_entries(Operation& op, BusPage first, std::uint64_t pages);
    void invalidate(Operation& op, BusPage first, std::uint64_t pages);
    void invalidate_all(Operation& op);
    void queue(Operation& op, BusPage first, std::uint64_t pages);
    void flush_queue(Operation& op, CpuId cpu);
    void look_after_age(Operation& op);
    void drop(std::uint64_t range, const Moment& moment);
    void drop_all(std::uint64_t, const Moment& moment);

    Parts m_parts;
    DmaDevice m_device;
    IommuMode m_mode;
    IovaAllocator m_addresses;
    Pfn m_root{};
    IndexedVec<CpuId, std::vector<Queued>> m_queues;
    Tick m_flush_due = no_time; ///< of all queues
    IommuDomainStats m_stats;
};

} // namespace pagewalk::os
