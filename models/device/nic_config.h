#pragma once

#include "base/option.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk::models {

/// A NIC that receives what a traffic generator sends, and sends what nobody receives.
struct NicConfig {
    std::uint64_t rate = 0; ///< bits/s of packets that arrive; 0: there is no NIC
    std::uint32_t packet_bytes = 1500;
    std::uint32_t flows = 1;
    std::uint32_t queues = 1; ///< each receives and sends
    std::uint32_t ring_entries = 1024;
    Tick interrupt_gap{8'000 * ticks_per_ns}; ///< between two interrupts of a queue, at least

    static constexpr std::uint64_t link_rate = 100'000'000'000; ///< bits/s of the wire
    static constexpr Tick link_latency{270 *
                                       ticks_per_ns}; ///< PCIe, one way: Neugebauer et al., SIGCOMM 2018

    static constexpr Tick reset_time{10'000'000 * ticks_per_ns}; ///< assumed

    [[nodiscard]] bool present() const { return rate != 0; }
    /// Declares [nic].
    void declare(OptionGroup group);
    /// Throws ConfigError where there are more queues than CPUs.
    void validate(const OptionSet& options, std::uint32_t cpus) const;
};

} // namespace pagewalk::models
