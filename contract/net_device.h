#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "contract/bus_address.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk {

/// What a driver must keep to.
struct NetDeviceLimits {
    std::uint32_t queues = 1;       ///< pairs of a receive and a send queue; pair i interrupts CPU i
    std::uint32_t ring_entries = 0; ///< of each
    std::uint32_t packet_bytes = 0; ///< of a packet on the wire, at most
};

/// A ring in memory: descriptors of buffers, which the NIC gives back filled or sent.
struct NetRing {
    static constexpr std::uint64_t descriptor_bytes = 16;
    BusAddr descriptors{};
    std::uint32_t entries = 0;
};

/// A packet in a buffer of the driver's; buffers are filled in the order in which they were posted.
struct ReceivedPacket {
    std::uint32_t bytes = 0;
    std::uint32_t flow = 0;
    Tick arrived{}; ///< its last bit was on the wire
    Tick written{}; ///< it and its descriptor were in memory
};

/// A piece of a message, in one page: a descriptor of a send ring.
struct SendBuffer {
    BusAddr data{};
    std::uint32_t bytes = 0;
    bool last = false; ///< of its message, which the NIC cuts into packets (segmentation offload)
};

/// A NIC as its driver sees it.
class NetDevice {
public:
    virtual ~NetDevice() = default;
    /// `Interrupt::source` of its interrupts.
    [[nodiscard]] virtual std::uint32_t interrupt_source() const = 0;
    [[nodiscard]] virtual NetDeviceLimits limits() const = 0;
    virtual void set_ring(CpuId queue, const NetRing& ring) = 0;
    /// The link comes up: packets arrive from now on.
    virtual void start(Tick now) = 0;
    /// Descriptors of empty buffers have been written to the ring, and the doorbell is rung.
    virtual void post(CpuId queue, std::span<const BusAddr> buffers, Tick now) = 0;
    /// Takes packets that are in memory by `now`, oldest first. Returns how many.
    virtual std::size_t take_received(CpuId queue, Tick now, std::span<ReceivedPacket> packets) = 0;
    virtual void set_send_ring(CpuId queue, const NetRing& ring) = 0;
    /// Descriptors of whole messages have been written to the send ring, and the doorbell is rung.
    virtual void send(CpuId queue, std::span<const SendBuffer> buffers, Tick now) = 0;
    /// Takes descriptors of whole messages that have left by `now` back, oldest first. Returns how many.
    virtual std::size_t take_sent(CpuId queue, Tick now) = 0;
    /// The queue may interrupt again, once: an interrupt is off from when it is raised.
    virtual void enable_interrupt(CpuId queue, Tick now) = 0;
    /// Has it stopped since an access to memory was refused (an IOMMU's fault)? It has interrupted CPU 0
    /// then.
    [[nodiscard]] virtual bool has_stopped() const = 0;
    /// After that: it is reset and goes on, with the buffers that it had.
    virtual void reset(Tick now) = 0;
};

} // namespace pagewalk
