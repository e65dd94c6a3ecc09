#pragma once

#include "base/option.h"
#include "base/time.h"
#include "models/mmu/tlb.h"

#include <cstdint>

namespace pagewalk::models {

/// Pages by which a hypervisor backs a guest's memory.
enum class HostPages : std::uint8_t { None, Small, Large, Giant };

/// A hypervisor under the operating system, whose physical memory then is a guest's.
struct NestedConfig {
    HostPages pages = HostPages::None; ///< None: the machine is not virtual
    TlbConfig tlb{16, 16};
    Cycles tlb_latency{1};
    Cycles violation{4000};
    std::uint64_t base = 0;  ///< physical, of the host's tables; not an option: the machine says
    std::uint64_t bytes = 0; ///< that these may take

    [[nodiscard]] bool enabled() const { return pages != HostPages::None; }
    [[nodiscard]] PageSize page_size_of_host() const {
        return static_cast<PageSize>(static_cast<unsigned>(pages) - 1);
    }
    /// What host tables for `memory` bytes of a guest's take at most.
    [[nodiscard]] static std::uint64_t table_bytes(std::uint64_t memory);

    void declare(OptionGroup group);
    /// Throws ConfigError where the nested TLB is out of shape.
    void validate(const OptionSet& options) const;
};

} // namespace pagewalk::models
