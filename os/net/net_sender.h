#pragma once

#include "base/histogram.h"
#include "base/stats.h"
#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "contract/net_device.h"
#include "os/dma/dma_mapper.h"
#include "os/path/kernel_objects.h"
#include "os/task/wait_queue.h"

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

namespace pagewalk::os {

/// Who cuts what is sent into packets.
enum class Segmentation : std::uint8_t {
    Kernel, ///< each packet goes through the network stack by itself
    Nic,    ///< up to 64 KiB go through it together (TSO, USO)
};

struct NetSenderStats {
    std::uint64_t messages = 0, bytes = 0; ///< of tasks
    std::uint64_t segments = 0;            ///< through the network stack
    std::uint64_t buffer_waits = 0;        ///< for room in a socket's buffer
    std::uint64_t ring_waits = 0;          ///< for descriptors, or for addresses that the NIC can use
    Histogram latency; ///< ps, of a segment, from the doorbell until its memory is free again

    void declare(StatGroup group) const;
};

/// The sending half of a NIC's driver, with sockets in front of it: a task's message is copied into pages of
/// the kernel's or sent from the task's own, mapped for the NIC and told to it by descriptors; what has left
/// is cleaned up by NAPI's poll. Names are Linux's: e1000_xmit_frame, e1000_clean_tx_irq.
class NetSender {
public:
    static constexpr std::uint64_t socket_buffer = 212'992;    // net.core.wmem_default
    static constexpr std::uint64_t largest_segment = 64 << 10; // GSO_MAX_SIZE
    static constexpr std::uint64_t largest_message = 2 << 20;
    static constexpr std::uint64_t skb_bytes = 256; // sk_buff: 232 in Linux 6.1

    struct Parts {
        FrameAllocator& frames;
        KernelObjects& objects;
        DmaMapper& dma;
        TaskRunner& runner;
    };
    explicit NetSender(const Parts& parts) : m_parts(parts) {}
    void configure(Segmentation who) { m_segmentation = who; }

    /// The NIC's send rings, once its device is known to the DMA API. Throws ConfigError where there is not
    /// enough memory.
    void set_up(Operation& op, NetDevice& nic);
    /// A task sends. Contract: record.number is NetCall::Send, op.may_wait(). Throws RunError for arguments
    /// that make no sense, or where there is no memory.
    void send(Operation& op, const SyscallRecord& record);
    /// NAPI's part: gives back the memory of what a queue's descriptors have sent.
    void clean(Operation& op, CpuId queue);
    /// Will the NIC tell of something that it has sent?
    [[nodiscard]] bool is_sending() const { return m_under_way != 0; }
    [[nodiscard]] const NetSenderStats& stats() const { return m_stats; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    struct Piece {
        Pfn frame{};
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0;
    };
    struct Segment {
        std::size_t socket = 0;
        std::uint64_t bytes = 0;
        NetSend how = NetSend::Copy;
        VirtAddr skb{};
        std::vector<Pfn> frames; ///< a descriptor each
        std::vector<BusPage> pages;
        Tick told{};
    };
    struct Queue {
        explicit Queue(TaskRunner& runner) : waiters(runner) {}
        PhysAddr descriptors{};
        std::uint64_t written = 0; ///< descriptors so far
        std::size_t used = 0;
        std::deque<Segment> segments; ///< in the ring, oldest first
        std::size_t told = 0;         ///< of these, known to the NIC
        std::vector<SendBuffer> to_tell;
        std::vector<Segment> cleaned; ///< whose tasks are to be told
        WaitQueue waiters;
    };
    struct Socket {
        explicit Socket(TaskRunner& runner) : waiters(runner) {}
        std::uint64_t under_way = 0; ///< bytes
        std::vector<Pfn> user_pages; ///< where the task has its messages
        WaitQueue waiters;
    };

    [[nodiscard]] DeviceId device_id() const { return static_cast<DeviceId>(m_nic->interrupt_source()); }
    [[nodiscard]] std::size_t socket_of(Operation& op);
    void grow_user_pages(Operation& op, Socket& socket, std::uint64_t bytes);
    void send_segment(Operation& op, std::size_t socket, NetSend how, std::uint64_t from,
                      std::uint64_t bytes);
    [[nodiscard]] std::vector<Piece> copied(Operation& op, const Socket& socket, std::uint64_t from,
                                            std::uint64_t bytes);
    [[nodiscard]] static std::vector<Piece> pinned(Operation& op, const Socket& socket, std::uint64_t from,
                                                   std::uint64_t bytes);
    void map_into_ring(Operation& op, Queue& queue, Segment& segment);
    void release(Operation& op, const Segment& segment);
    // As effects; the value is a queue.
    void ring_doorbell(std::uint64_t queue, const Moment& moment);
    void tell_tasks(std::uint64_t queue, const Moment& moment);

    Parts m_parts;
    Segmentation m_segmentation = Segmentation::Nic;
    NetDevice* m_nic = nullptr;
    NetDeviceLimits m_limits;
    std::deque<Queue> m_queues; ///< by CpuId
    std::unordered_map<TaskId, std::size_t> m_socket_of_task;
    std::deque<Socket> m_sockets;
    std::uint64_t m_under_way = 0; ///< segments
    NetSenderStats m_stats;
};

} // namespace pagewalk::os
