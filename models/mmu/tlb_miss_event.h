#pragma once

#include "base/event_table.h"
#include "contract/kernel_interface.h"
#include "contract/memory_access.h"
#include "models/mmu/tlb.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

/// One page walk: an access that missed every TLB.
struct TlbMissEvent {
    static constexpr std::uint8_t not_made = hit_level_count;

    std::uint64_t time = 0;    ///< ps
    std::uint64_t address = 0; ///< virtual
    std::uint32_t latency = 0; ///< cycles from the walk's start to the translation
    std::uint16_t cpu = 0;
    FaultAccess access = FaultAccess::Read;
    PageSize page_size = PageSize::Page4K;
    std::uint8_t levels = 0;           ///< references made
    std::array<std::uint8_t, 5> hit{}; ///< HitLevel of each reference, upper level first
    std::uint8_t fault = 0;            ///< 1: the walk ended in a page fault
    std::uint8_t kernel = 0;           ///< 1: the kernel's access

    [[nodiscard]] static EventSchema schema();
};

} // namespace pagewalk::models
