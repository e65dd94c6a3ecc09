#pragma once

#include "base/address.h"

namespace pagewalk {

/// What a device puts on the bus: a physical address where no IOMMU translates it, an I/O virtual one (IOVA)
/// where one does.
struct BusSpace {};
using BusAddr = Address<BusSpace>;
using BusPage = PageNumber<BusSpace>;

[[nodiscard]] constexpr BusPage bus_page_of(BusAddr address) {
    return BusPage(address.value() >> page_shift);
}
[[nodiscard]] constexpr BusAddr address_of(BusPage page) { return BusAddr(page.value() << page_shift); }
/// As a device without an IOMMU in front of it sees memory.
[[nodiscard]] constexpr BusPage untranslated(Pfn frame) { return BusPage(frame.value()); }
[[nodiscard]] constexpr BusAddr untranslated(PhysAddr address) { return BusAddr(address.value()); }
/// The address as it stands on a port's lines, in front of what may translate it.
[[nodiscard]] constexpr PhysAddr on_the_bus(BusAddr address) { return PhysAddr(address.value()); }

} // namespace pagewalk
