#pragma once

#include "models/memory/address_mapping.h"
#include "models/memory/dram_channel.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_stats.h"
#include "models/memory/memory_port.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// A memory controller with its channels. Reads pay half the controller's latency on the way in and half on
/// the way out; DRAM hears of what arrives between two clock edges at the later one.
class DramController final : public MemoryPort {
public:
    explicit DramController(const DramConfig& config);
    DramController(const DramController&) = delete;
    DramController& operator=(const DramController&) = delete;

    Tick access(const LineRequest& request) override;
    /// Serves everything that waits: what is measured is complete. Nothing may come before that any more.
    void finish();

    [[nodiscard]] const DramStats& stats() const { return m_stats; }
    [[nodiscard]] const DramTiming& timing() const { return m_timing; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    /// The first clock edge that is not before a moment.
    [[nodiscard]] std::uint64_t edge(std::uint64_t ticks) const {
        // Cheaper than Clock::to_cycles and the same for hours.
        const unsigned __int128 clocks = static_cast<unsigned __int128>(ticks) * m_clocks_a_tick;
        return static_cast<std::uint64_t>((clocks + ~0ULL) >> 64);
    }
    [[nodiscard]] std::uint64_t ticks(std::uint64_t clocks) const {
        return m_timing.clock.to_ticks(Cycles(clocks)).value();
    }
    [[nodiscard]] Tick write(DramChannel& channel, const DramPlace& place, std::uint64_t line,
                             std::uint64_t arrived);

    DramTiming m_timing;
    AddressMapper m_mapper;
    std::uint64_t m_clocks_a_tick; ///< with 64 fraction bits
    std::uint64_t m_latency_in;    ///< ticks
    std::uint64_t m_latency_out;
    DramStats m_stats;
    std::vector<DramChannel> m_channels;
};

} // namespace pagewalk::models
