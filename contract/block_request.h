#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk {

inline constexpr std::uint64_t sector_size = 512;

/// What a driver asks of a block device.
struct BlockRequest {
    enum class Kind : std::uint8_t { Read, Write, Flush };
    Kind kind = Kind::Read;
    std::uint64_t sector = 0; ///< first, of 512 bytes
    std::uint32_t bytes = 0;
    CpuId cpu{};           ///< submits, and is interrupted on completion
    std::uint64_t tag = 0; ///< the driver's name for it, given back on completion
};

/// A block device as its driver sees it. It completes requests by itself: an interrupt to the CPU that
/// submitted, whose handler takes the tags of what is done.
class BlockDevice {
public:
    virtual ~BlockDevice() = default;
    /// `Interrupt::source` of its interrupts.
    [[nodiscard]] virtual std::uint32_t interrupt_source() const = 0;
    /// Contract: `now` is when the CPU writes the doorbell; calls come in the order in which CPUs get there.
    virtual void submit(const BlockRequest& request, Tick now) = 0;
    /// Takes tags of requests of `cpu` that are complete by `now`, oldest first. Returns how many.
    virtual std::size_t take_completions(CpuId cpu, Tick now, std::span<std::uint64_t> tags) = 0;
};

} // namespace pagewalk
