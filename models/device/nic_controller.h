#pragma once

#include "base/histogram.h"
#include "base/ids.h"
#include "base/rng.h"
#include "base/stats.h"
#include "contract/interrupt.h"
#include "contract/kernel_path.h"
#include "contract/net_device.h"
#include "models/device/nic_config.h"
#include "models/memory/memory_port.h"

#include <deque>
#include <vector>

namespace pagewalk::models {

struct NicStats {
    std::uint64_t packets = 0, bytes = 0; ///< that are in memory
    std::uint64_t dropped = 0;            ///< no buffer was posted
    std::uint64_t lines_written = 0;      ///< of memory, with packets
    std::uint64_t packets_sent = 0, bytes_sent = 0;
    std::uint64_t lines_read = 0; ///< of memory, with what is sent
    std::uint64_t ring_lines = 0; ///< of memory, with descriptors, either way
    std::uint64_t interrupts = 0;
    std::uint64_t resets = 0;
    std::uint64_t missed = 0; ///< packets that came while it had stopped
    Histogram latency;        ///< ps, from the wire until packet and descriptor are in memory

    void declare(StatGroup group) const;
};

/// A NIC with the traffic that comes to it: packets of one size at even distances, each of a drawn flow. A
/// packet takes the oldest posted buffer of its flow's queue, is written line by line as fast as the wire
/// brings it, then its descriptor is. What is to be sent is read a descriptor at a time, queue by queue, as
/// fast as the wire takes it; a message whose last byte has left has its descriptors written back. Interrupts
/// are moderated. Lives by events, as BlockController does. Where an access to memory is refused it stops:
/// the packet is lost, and those that come until it has been reset.
class NicController {
public:
    struct Ports {
        MemoryPort& memory; ///< Dma reads a line, WriteBack writes it
        InterruptController& interrupts;
    };
    NicController(const NicConfig& config, DeviceId device, const Ports& ports, std::uint64_t seed);

    void set_ring(CpuId queue, const NetRing& ring) { m_queues[queue].ring = ring; }
    void start(Tick now);
    void post(CpuId queue, std::span<const BusAddr> buffers, Tick now);
    std::size_t take_received(CpuId queue, Tick now, std::span<ReceivedPacket> packets);
    void set_send_ring(CpuId queue, const NetRing& ring) { m_queues[queue].send_ring = ring; }
    void send(CpuId queue, std::span<const SendBuffer> buffers, Tick now);
    std::size_t take_sent(CpuId queue, Tick now);
    void enable_interrupt(CpuId queue, Tick now);
    [[nodiscard]] bool has_stopped() const { return m_stopped_at != no_time; }
    void reset(Tick now);
    /// Does what is due by `now`, in the order of time.
    void advance(Tick now);
    /// When something is due next; no_time where nothing is.
    [[nodiscard]] Tick next() const;

    [[nodiscard]] const NicConfig& config() const { return m_config; }
    [[nodiscard]] const NicStats& stats() const { return m_stats; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    struct PieceToSend {
        SendBuffer what;
        Tick readable{}; ///< when its descriptor is at the NIC
    };
    struct SentMessage {
        Tick written{}; ///< when its descriptors were
        std::size_t descriptors = 0;
    };
    struct Queue {
        NetRing send_ring;
        std::deque<PieceToSend> to_send;
        std::uint64_t send_posted = 0; ///< descriptors so far
        std::uint64_t send_done = 0;
        std::size_t pieces = 0;        ///< of the message that is being sent
        std::uint64_t piece_bytes = 0; ///< of these
        std::deque<SentMessage> sent;
        NetRing ring;
        std::deque<BusAddr> buffers;                       ///< posted, oldest first
        std::uint64_t posted = 0, fetched = 0, filled = 0; ///< descriptors so far
        std::deque<ReceivedPacket> received;
        bool may_interrupt = true;
        Tick interrupt_at = no_time;
        Tick last_interrupt{};
    };

    [[nodiscard]] Tick access(BusAddr place, AccessKind kind, Tick now);
    void stop(Tick now);
    void fetch(Queue& queue, Tick now);
    void arrive(Tick now);
    [[nodiscard]] Tick write(Queue& queue, Tick now);
    void plan_sending(Tick now);
    void send_next(Tick now);
    [[nodiscard]] Tick read(const SendBuffer& buffer, Tick now);
    void end_message(Queue& queue, Tick now);
    void ask_for_interrupt(Queue& queue, Tick at);
    void interrupt(CpuId cpu, Queue& queue, Tick now);

    NicConfig m_config;
    DeviceId m_device;
    Ports m_ports;
    Rng m_rng;
    IndexedVec<CpuId, Queue> m_queues;
    Tick m_interval{}; ///< between two packets
    Tick m_next_arrival = no_time;
    Tick m_send_at = no_time;
    Tick m_wire_free{};     ///< of what is sent
    std::size_t m_turn = 0; ///< the queue that sends next
    bool m_receives = false;
    Tick m_stopped_at = no_time;
    bool m_refused = false; ///< an access of what is going on
    NicStats m_stats;
};

} // namespace pagewalk::models
