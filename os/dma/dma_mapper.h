#pragma once

#include "base/option.h"
#include "base/stats.h"
#include "contract/bus_address.h"
#include "contract/iommu.h"
#include "os/dma/dma_device.h"
#include "os/dma/iommu_domain.h"
#include "os/dma/swiotlb.h"
#include "os/path/frame_allocator.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::os {

struct DmaConfig {
    std::uint64_t swiotlb = 0; ///< bytes of bounce buffers; 0: none
    IommuMode iommu = IommuMode::Off;

    /// Declares os.swiotlb.
    void declare(OptionGroup os);
    /// Declares iommu.mode.
    void declare_iommu(OptionGroup iommu);
    /// Throws ConfigError for a pool that has no whole segments.
    void validate() const;
};

struct DmaStats {
    std::uint64_t pages_mapped = 0;
    std::uint64_t pages_unmapped = 0;
    std::uint64_t bounced_pages = 0; ///< of swiotlb
    std::uint64_t driver_pages = 0;  ///< of ZONE_DMA, by drivers that swiotlb is too high for
    std::uint64_t reserve_pages = 0; ///< of those, from the driver's reserve: ZONE_DMA had none
    std::uint64_t bytes_copied = 0;  ///< by CPUs, to and from bounce buffers
    std::uint64_t refused = 0;       ///< mappings that found no buffer, no address or no table
    std::uint64_t coherent_dma = 0;  ///< bytes of dma_alloc_coherent from ZONE_DMA
    std::uint64_t coherent_dma32 = 0;
    std::uint64_t coherent_normal = 0;

    void declare(StatGroup group) const;
};

/// The DMA API: what a driver may tell its device, for memory that it has. As Linux 6.1 does: a device that
/// reaches the memory gets its physical address; one that does not gets a bounce buffer of swiotlb, and the
/// CPU copies; behind an IOMMU each gets I/O virtual addresses below its mask. Where the mask does not even
/// reach swiotlb's memory, the driver copies through pages of its own from ZONE_DMA, as drivers of ISA
/// devices do, and keeps a reserve of them for one request.
class DmaMapper {
public:
    DmaMapper(FrameAllocator& frames, PageTableMemory& tables) : m_frames(frames), m_tables(tables) {}
    DmaMapper(const DmaMapper&) = delete;
    DmaMapper& operator=(const DmaMapper&) = delete;

    /// `pool`: of swiotlb, empty where there is none.
    void configure(const DmaConfig& config, const PhysRange& pool) {
        m_config = config;
        m_swiotlb = Swiotlb(pool);
    }
    /// The IOMMU in front of all devices that are added from now on.
    void connect(IommuDevice& iommu) { m_iommu = &iommu; }

    /// A driver's probe: its device may map `most_pages` at a time. Throws ConfigError where memory is out of
    /// the device's reach and nothing bounces.
    void add_device(Operation& op, const DmaDevice& device, std::uint64_t most_pages, std::size_t cpus);
    /// How many pages a mapping may have.
    [[nodiscard]] std::uint64_t most_pages(DeviceId device) const;

    /// dma_map_sg: replaces `pages` by what the device is to be told, a page each. Copies to bounce buffers,
    /// as Linux does whatever the direction. False where that is not possible now: a later unmap() may make
    /// room.
    [[nodiscard]] bool map(Operation& op, DeviceId device, std::span<const Pfn> frames,
                           std::vector<BusPage>& pages);
    /// dma_unmap_sg of what map() gave.
    void unmap(Operation& op, DeviceId device, DmaDirection direction, std::span<const Pfn> frames,
               std::span<const BusPage> pages);

    /// Memory that CPUs and the device share for good.
    struct Coherent {
        PhysAddr memory{};
        BusAddr bus{};
    };
    /// dma_alloc_coherent: contiguous, from the zone that the device's mask asks for, or a lower one.
    [[nodiscard]] std::expected<Coherent, AllocError> allocate_coherent(Operation& op, DeviceId device,
                                                                        std::uint64_t bytes);

    [[nodiscard]] const DmaStats& stats() const { return m_stats; }
    [[nodiscard]] const Swiotlb& swiotlb() const { return m_swiotlb; }
    void declare(StatGroup group) const;

private:
    struct Device {
        DmaDevice what;
        enum class Way : std::uint8_t { Direct, Swiotlb, DriverPages, Translated } way = Way::Direct;
        std::uint64_t most_pages = 0;
        std::vector<Pfn> reserve; ///< DriverPages: free ones
        std::vector<Pfn> kept;    ///< DriverPages: all that belong to the reserve
        std::unique_ptr<IommuDomain> domain;
    };

    [[nodiscard]] Device& at(DeviceId device) { return m_devices[index_of(device)]; }
    [[nodiscard]] Device::Way way_of(const DmaDevice& device) const;
    [[nodiscard]] bool all_memory_is_reached(const DmaDevice& device) const;
    void fill_reserve(Operation& op, Device& device);
    [[nodiscard]] std::optional<Pfn> take_buffer(Operation& op, Device& device);
    void give_back_buffer(Operation& op, Device& device, Pfn buffer);
    void copy(Operation& op, Pfn to, Pfn from);
    [[nodiscard]] std::expected<Pfn, AllocError> allocate_in_reach(Operation& op, const Device& device,
                                                                   unsigned order);

    FrameAllocator& m_frames;
    PageTableMemory& m_tables;
    DmaConfig m_config;
    IommuDevice* m_iommu = nullptr;
    Swiotlb m_swiotlb;
    std::vector<Device> m_devices; ///< by DeviceId
    DmaStats m_stats;
    IommuDomainStats m_no_domain; ///< stands for the devices' where none is translated
};

} // namespace pagewalk::os
