#pragma once

#include "base/histogram.h"
#include "base/option.h"
#include "base/stats.h"
#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "contract/interrupt.h"
#include "contract/net_device.h"
#include "os/dma/dma_mapper.h"
#include "os/net/net_sender.h"
#include "os/path/kernel_objects.h"
#include "os/task/interrupt_lines.h"
#include "os/task/wait_queue.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

enum class NetBuffers : std::uint8_t {
    PagePool, ///< pages go round and stay mapped for the NIC
    Slab,     ///< each packet has a page of its own, mapped and unmapped
};

/// Do packets of a flow that come together go through the network stack as one?
enum class ReceiveOffload : std::uint8_t { Off, Gro };

struct NetConfig {
    NetBuffers buffers = NetBuffers::PagePool;
    ReceiveOffload offload = ReceiveOffload::Off;
    Segmentation segmentation = Segmentation::Nic;

    /// Declares os.net_buffers, os.net_gro and os.net_segmentation.
    void declare(OptionGroup os);
};

struct NetStats {
    std::uint64_t packets = 0, bytes = 0; ///< to sockets
    std::uint64_t merged = 0;             ///< of these, into one before
    std::uint64_t dropped = 0;            ///< no socket, no room in it, or no memory
    std::uint64_t polls = 0;
    std::uint64_t full_polls = 0; ///< that used their budget up
    std::uint64_t pool_pages = 0; ///< allocated for buffers
    std::uint64_t messages = 0, message_bytes = 0;
    std::uint64_t resets = 0; ///< of the NIC
    Histogram latency;        ///< ps, from the wire to the socket

    void declare(StatGroup group) const;
};

/// A NIC's driver, NAPI and the sockets behind it: interrupt, polling of up to 64 packets at a time, buffers,
/// the network stack's receiving half, and tasks that receive messages; NetSender has the sending one.
/// Polling that does not come to an end shares its CPU with tasks as ksoftirqd does: half of the time is
/// theirs.
class NetDriver final : public InterruptHandler {
public:
    static constexpr std::size_t budget = 64;                 // NAPI_POLL_WEIGHT
    static constexpr unsigned polls_in_a_row = 10;            // MAX_SOFTIRQ_RESTART
    static constexpr std::uint64_t socket_limit = 4ULL << 20; // bytes, assumed
    static constexpr std::uint64_t skb_bytes = NetSender::skb_bytes;
    static constexpr std::uint64_t largest_merge = 64 << 10; // GRO_LEGACY_MAX_SIZE
    static constexpr unsigned most_fragments = 17;           // MAX_SKB_FRAGS
    static constexpr std::size_t most_held = 64;             // GRO_HASH_BUCKETS * MAX_GRO_SKBS

    using Parts = NetSender::Parts;
    explicit NetDriver(const Parts& parts) : m_parts(parts), m_sender(parts) {}
    void configure(const NetConfig& config) {
        m_config = config;
        m_sender.configure(config.segmentation);
    }

    /// The NIC, whose interrupts it asks for.
    void connect(NetDevice& nic, InterruptLines& lines, InterruptController& interrupts);
    /// The driver's probe: rings, and a buffer for each of their entries. Throws ConfigError where there is
    /// not enough memory.
    void set_up(Operation& op, std::size_t cpus);

    void interrupted(Operation& op) override;
    /// A task receives or sends. Contract: is_net_call(record.number), op.may_wait(). Throws RunError where
    /// there is no NIC.
    void serve(Operation& op, const SyscallRecord& record);
    /// May the NIC interrupt?
    [[nodiscard]] bool is_up() const { return m_is_up || m_sender.is_sending(); }

    /// Who is told of each packet that has reached its socket.
    void on_packet(std::function<void(const PacketEvent&)> told) { m_on_packet = std::move(told); }
    void declare(StatGroup group) const {
        m_stats.declare(group);
        m_sender.declare(group.group("send"));
    }

private:
    struct Buffer {
        Pfn frame{};
        BusPage page{};
        CpuId queue{};
    };
    struct Packet {
        Buffer buffer;
        VirtAddr skb{};
        ReceivedPacket what;
        std::size_t socket = 0;
        bool merged = false; ///< goes with an earlier one of its flow
    };
    /// Packets of a flow that have been merged in this poll.
    struct Held {
        std::uint32_t flow = 0;
        unsigned packets = 0;
        std::uint64_t bytes = 0;
    };
    struct Queue {
        PhysAddr descriptors{};
        std::uint64_t written = 0, read = 0; ///< descriptors so far
        std::deque<Buffer> posted;           ///< in the ring, oldest first
        std::vector<Buffer> pool;            ///< mapped and free
        std::vector<BusAddr> to_post;
        std::vector<Packet> to_deliver;
        std::deque<Held> held; ///< oldest first
        unsigned polls = 0;    ///< in a row
        Tick busy_since{};
    };
    struct Socket {
        explicit Socket(TaskRunner& runner) : waiters(runner) {}
        std::deque<Packet> packets;
        std::uint64_t bytes = 0;      ///< in `packets`
        std::uint64_t on_the_way = 0; ///< bytes that are polled
        std::uint32_t used = 0;       ///< bytes of the first packet that have been received
        std::vector<Pfn> user_pages;  ///< where the task wants messages
        WaitQueue waiters;
    };

    [[nodiscard]] DeviceId device_id() const { return static_cast<DeviceId>(m_nic->interrupt_source()); }
    [[nodiscard]] std::optional<Buffer> take_buffer(Operation& op, CpuId queue);
    void release(Operation& op, const Packet& packet);
    void refill(Operation& op, CpuId queue);
    void take(Operation& op, CpuId queue, const ReceivedPacket& packet);
    [[nodiscard]] static bool merges(Queue& queue, const ReceivedPacket& packet);
    VirtAddr pass_up(Operation& op, VirtAddr skb, bool merged);
    void end_poll(Operation& op, CpuId queue, std::size_t polled);
    [[nodiscard]] std::size_t socket_of(Operation& op);
    void receive(Operation& op, Socket& socket, NetReceive how, std::uint64_t bytes, bool reads);
    void copy(Operation& op, const Socket& socket, const Packet& packet, std::uint64_t to,
              std::uint32_t bytes);
    static void remap(Operation& op, const Packet& packet);
    static void read(Operation& op, VirtAddr data, std::uint32_t bytes);
    void grow_user_pages(Operation& op, Socket& socket, std::uint64_t bytes);
    // As effects; the value is a queue.
    void start_link(std::uint64_t, const Moment& moment);
    void post(std::uint64_t queue, const Moment& moment);
    void deliver(std::uint64_t queue, const Moment& moment);
    void enable_interrupt(std::uint64_t queue, const Moment& moment);
    void reset(std::uint64_t, const Moment& moment);
    void poll_again(std::uint64_t queue, const Moment& moment);

    Parts m_parts;
    NetSender m_sender;
    NetConfig m_config;
    NetDevice* m_nic = nullptr;
    InterruptController* m_interrupts = nullptr;
    NetDeviceLimits m_limits;
    IndexedVec<CpuId, Queue> m_queues;
    std::unordered_map<TaskId, std::size_t> m_socket_of_task;
    std::deque<Socket> m_sockets;
    bool m_is_up = false;
    std::function<void(const PacketEvent&)> m_on_packet;
    NetStats m_stats;
};

} // namespace pagewalk::os
