#pragma once

#include "base/histogram.h"
#include "base/stats.h"
#include "models/memory/address_mapping.h"
#include "models/memory/dram_channel.h"
#include "models/memory/dram_config.h"
#include "models/memory/memory_port.h"
#include "models/memory/read_ends.h"
#include "models/memory/write_queue.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace pagewalk::models {

struct DramStats {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0; ///< taken into the write queue
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t row_hits = 0;
    std::uint64_t row_misses = 0;
    std::uint64_t row_conflicts = 0;
    std::uint64_t forwarded = 0; ///< reads served from the write queue
    std::uint64_t merged_writes = 0;
    std::uint64_t drains = 0;
    std::uint64_t bus_busy = 0; ///< ticks, all channels
    std::uint64_t refreshes = 0;
    Histogram read_latency; ///< ticks

    void declare(StatGroup group) const;
};

/// A memory controller with its channels. Reads pay half the controller's latency on the way in and half on
/// the way out; DRAM hears of what arrives between two clock edges at the later one. Writes are accepted into
/// the channel's write queue after half of it and drained, oldest first,
/// - in batches: when a write finds write_high of them queued, down to write_low, behind all reads known
///   by then; no later read is put between the writes of a batch;
/// - while the channel is idle: with the last read's data on the bus and no other known, each write is given
///   its commands as soon as the DRAM can take it. What has its column command when the next read comes
///   stays, and the read waits for its turnaround; what has not stays queued.
/// ChampSim (DRAM_CHANNEL::swap_write_mode) and Ramulator 2 (GenericDRAMController) enter write mode
/// likewise: above a high watermark or when no read waits, until below a low one with reads waiting; DRAMsim3
/// (Controller::ScheduleTransaction) when the buffer is full, or more than 8 wait and no command is queued.
class DramController final : public MemoryPort {
public:
    explicit DramController(const DramConfig& config);

    Tick access(const LineRequest& request) override;

    [[nodiscard]] const DramStats& stats() const { return m_stats; }
    [[nodiscard]] const DramTiming& timing() const { return m_timing; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    static constexpr std::uint64_t never_drains = std::numeric_limits<std::uint64_t>::max();

    struct Channel {
        DramChannel dram;
        WriteQueue queue;
        ReadEnds reads;
        std::uint64_t next_drain = never_drains; ///< no idle channel takes the oldest write earlier; clocks
    };

    /// The first clock edge that is not before a moment.
    [[nodiscard]] std::uint64_t edge(std::uint64_t ticks) const {
        // Cheaper than Clock::to_cycles and the same for hours.
        const unsigned __int128 clocks = static_cast<unsigned __int128>(ticks) * m_clocks_a_tick;
        return static_cast<std::uint64_t>((clocks + ~0ULL) >> 64);
    }
    void write(Channel& channel, const DramPlace& place, std::uint64_t line, std::uint64_t time);
    void drain_batch(Channel& channel, std::uint64_t time);
    void drain_idle(Channel& channel, std::uint64_t until);
    [[gnu::always_inline]] void give(Channel& channel, const DramPlace& place, BusDirection direction,
                                     const DramChannel::Commands& commands);

    DramTiming m_timing;
    AddressMapper m_mapper;
    std::uint64_t m_clocks_a_tick; ///< with 64 fraction bits
    std::uint64_t m_burst;         ///< ticks
    std::uint64_t m_latency_in;    ///< ticks
    std::uint64_t m_latency_out;
    std::size_t m_write_high;
    std::size_t m_write_low;
    std::vector<Channel> m_channels;
    DramStats m_stats;
};

} // namespace pagewalk::models
