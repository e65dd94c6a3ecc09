#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "contract/bus_address.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk {

inline constexpr std::uint64_t sector_size = 512;

/// What a driver asks of a block device.
struct BlockRequest {
    enum class Kind : std::uint8_t { Read, Write, Flush };
    /// How the driver learns of the completion.
    enum class Notice : std::uint8_t { Interrupt, Polled };
    Kind kind = Kind::Read;
    std::uint64_t sector = 0; ///< first, of 512 bytes
    std::uint32_t bytes = 0;
    CpuId cpu{};           ///< submits, and is interrupted on completion
    std::uint64_t tag = 0; ///< the driver's name for it, given back on completion
    /// Where the data is, as the device addresses memory, a page each; they stay where they are until the
    /// request is complete. Bytes beyond them are not in simulated memory.
    std::span<const BusPage> pages = {};
    Notice notice = Notice::Interrupt;
};

enum class BlockStatus : std::uint8_t {
    Done,
    MediumError,
    Reset, ///< the device had to be reset and forgot the request: the IOMMU refused an access of its
};

/// A request that the device is done with.
struct BlockCompletion {
    std::uint64_t tag = 0;
    Tick moved{}; ///< when the last of its data was in memory, or at the device
    BlockStatus status = BlockStatus::Done;
};

/// What a driver must keep to.
struct BlockDeviceLimits {
    std::uint32_t depth = 0; ///< requests of one queue that may be outstanding; 0: any number
    enum class Queues : std::uint8_t { One, PerCpu } queues = Queues::One;
    unsigned dma_bits = 64; ///< of the addresses that it can put on the bus
};

/// What driver and device share in memory for a queue: rings of `entries` entries.
struct BlockRings {
    static constexpr std::uint64_t submission_bytes = 64, completion_bytes = 16;
    BusAddr submissions{};
    BusAddr completions{};
    std::uint32_t entries = 0;
};

/// A block device as its driver sees it. It completes requests by itself: an interrupt to the CPU that
/// submitted, whose handler takes what is done.
class BlockDevice {
public:
    virtual ~BlockDevice() = default;
    /// `Interrupt::source` of its interrupts.
    [[nodiscard]] virtual std::uint32_t interrupt_source() const = 0;
    [[nodiscard]] virtual BlockDeviceLimits limits() const { return {}; }
    /// The rings of the queue that `cpu` uses. Before its first request, where limits().depth is not 0.
    virtual void set_rings(CpuId cpu, const BlockRings& rings) { (void)cpu, (void)rings; }
    /// Contract: `now` is when the CPU writes the doorbell; calls come in the order in which CPUs get there.
    virtual void submit(const BlockRequest& request, Tick now) = 0;
    /// Takes requests of `cpu` that are complete by `now`, oldest first. Returns how many.
    virtual std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) = 0;
};

} // namespace pagewalk
