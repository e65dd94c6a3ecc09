#pragma once

#include "base/option.h"
#include "base/time.h"
#include "contract/block_request.h"

#include <cstdint>

namespace pagewalk::models {

enum class BlockDeviceKind : std::uint8_t { Fixed, Nvme, SataSsd, Disk, Optane };

/// What a device is made of. Bandwidths are in bytes per second.
struct BlockDeviceParameters {
    std::uint64_t capacity = 0; ///< bytes
    std::uint32_t queue_depth = 0;
    BlockDeviceLimits::Queues queues = BlockDeviceLimits::Queues::One;
    std::uint64_t read_bandwidth = 0;  ///< of the link towards memory
    std::uint64_t write_bandwidth = 0; ///< of the link towards the device
    bool full_duplex = false;          ///< do both ways have a lane of their own?
    Tick link_latency{};               ///< one way
    Tick command_time{};               ///< the controller is busy with a read for so long
    Tick write_command_time{};         ///< likewise with a write or a flush
    Tick cache_latency{};              ///< from the last byte in the write cache to the completion
    std::uint64_t write_cache = 0;     ///< bytes; 0: a write is complete when it is on the medium
    bool volatile_cache = false;       ///< a flush waits for the medium
    // A solid-state device
    std::uint32_t dies = 0;           ///< work side by side
    std::uint64_t page_bytes = 0;     ///< read or programmed by a die in one go
    Tick read_latency{};              ///< of a page
    Tick program_latency{};           ///< of a page
    std::uint32_t latency_spread = 0; ///< percent: latencies are uniform between 100 less this and 100 more
    std::uint32_t read_retries = 0;   ///< of 1000 reads of a page, so many take twice as long
    std::uint32_t write_amplification = 0; ///< percent of random writes' bytes that are programmed
    // A rotating disk
    Tick revolution{};
    Tick settle{};                     ///< of the shortest seek
    Tick full_seek{};                  ///< of the longest one, beyond settling
    std::uint64_t inner_bandwidth = 0; ///< of the innermost tracks
    std::uint64_t outer_bandwidth = 0;
};

[[nodiscard]] const BlockDeviceParameters& facts_of(BlockDeviceKind kind);

/// The block device of a machine: a kind, chosen whole, and what is different from its data sheet.
struct BlockDeviceConfig {
    BlockDeviceKind kind = BlockDeviceKind::Fixed;
    /// Where a field is 0, the kind says.
    BlockDeviceParameters changed;
    std::uint32_t coalesced = 1;       ///< completions an interrupt
    Tick coalescing_time{100'000'000}; ///< after which there is one for fewer
    std::uint32_t error_rate = 0;      ///< of a million requests, so many fail
    std::uint32_t dma_bits = 64;       ///< of the addresses that it can put on the bus

    /// Declares [device].
    void declare(OptionGroup group);
    /// Throws ConfigError for options without effect and for contradictions.
    void validate(const OptionSet& options) const;
    /// What the device is made of. Contract: not Fixed.
    [[nodiscard]] BlockDeviceParameters parameters() const;
};

} // namespace pagewalk::models
