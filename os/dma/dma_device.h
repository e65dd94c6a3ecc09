#pragma once

#include "base/address.h"
#include "contract/requester.h"
#include "os/page/gfp.h"

#include <cstdint>

namespace pagewalk::os {

/// Which way the data of a mapping goes.
enum class DmaDirection : std::uint8_t { ToDevice, FromDevice };

/// What a driver has told the kernel of its device (dma_set_mask).
struct DmaDevice {
    DeviceId id{};
    unsigned bits = 64;          ///< of its addresses, 24 .. 64
    const char* name = "device"; ///< of its statistics

    /// The end of what it can address.
    [[nodiscard]] std::uint64_t end() const { return bits >= 64 ? ~std::uint64_t{0} : 1ULL << bits; }
    [[nodiscard]] bool reaches(Pfn frame) const { return address_of(frame).value() + page_size <= end(); }
    /// The zone to ask first: dma_direct_optimal_gfp_mask.
    [[nodiscard]] GfpMask zone() const {
        if (bits <= 24) return gfp::dma;
        return bits <= 32 ? gfp::dma32 : GfpMask();
    }
};

} // namespace pagewalk::os
