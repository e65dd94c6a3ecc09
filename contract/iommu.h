#pragma once

#include "contract/bus_address.h"
#include "contract/requester.h"

#include <cstdint>

namespace pagewalk {

/// An IOMMU as the kernel sees it. What it translates with is in memory: tables of four levels in
/// PageTableMemory, whose entries have x86-64's form (those of VT-d's second stage differ in unused bits
/// alone). Source: Intel VT-d specification, 3.7.
class IommuDevice {
public:
    virtual ~IommuDevice() = default;
    /// From now on addresses of `device` are translated by the tables below `root`; before, they are
    /// physical.
    virtual void attach(DeviceId device, Pfn root) = 0;
    /// Drops what the IOTLB holds of `pages` pages of `device`.
    virtual void invalidate(DeviceId device, BusPage first, std::uint64_t pages) = 0;
    /// Drops what the IOTLB and the walk caches hold of `device`.
    virtual void invalidate_all(DeviceId device) = 0;
};

} // namespace pagewalk
