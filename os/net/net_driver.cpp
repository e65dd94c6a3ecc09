#include "os/net/net_driver.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <string>

namespace pagewalk::os {

namespace {

constexpr std::uint64_t header_lines = 2; // Ethernet, IP and UDP headers, and what GRO looks at

VirtAddr data_of(Pfn frame) { return kernel_layout::direct_map(address_of(frame)); }

} // namespace

void NetConfig::declare(OptionGroup os) {
    os.choice(
        "net_buffers", buffers, {{NetBuffers::PagePool, "page_pool"}, {NetBuffers::Slab, "slab"}},
        {Unit::None,
         "the NIC driver's buffers: pages that go round and stay mapped, or a page of each packet, mapped "
         "before and unmapped after it",
         "Linux 6.1: page_pool in mlx5e, others in e1000e"});
    os.choice(
        "net_gro", offload, {{ReceiveOffload::Off, "off"}, {ReceiveOffload::Gro, "on"}},
        {Unit::None,
         "whether packets of a flow that a poll finds go through the network stack as one of up to 64 KiB "
         "(17 packets)",
         "Linux 6.1: off for UDP, unless a socket has UDP_GRO; on for TCP"});
    os.choice(
        "net_segmentation", segmentation, {{Segmentation::Kernel, "kernel"}, {Segmentation::Nic, "nic"}},
        {Unit::None,
         "who cuts what is sent into packets of nic.packet_size: the kernel before the network stack, or "
         "the NIC behind it, from segments of up to 64 KiB (TSO, USO)",
         "Linux 6.1: the NIC where it can"});
}

void NetStats::declare(StatGroup group) const {
    group.counter("packets", packets, "count", "packets that reached a socket's queue");
    group.counter("bytes", bytes, "bytes", "of these packets");
    group.counter("merged", merged, "count", "packets that os.net_gro merged into one before them");
    group.counter("dropped", dropped, "count",
                  "packets that were polled and had no socket, no room in it or no memory");
    group.counter("polls", polls, "count", "polls of a receive queue (NAPI)");
    group.counter("full_polls", full_polls, "count", "polls that used up their budget of 64 packets");
    group.gauge("pool_pages", pool_pages, "count", "pages allocated for buffers");
    group.counter("messages", messages, "count", "messages that tasks received");
    group.counter("message_bytes", message_bytes, "bytes", "of these messages");
    group.counter("resets", resets, "count", "resets of the NIC, which an IOMMU's fault had stopped");
    group.histogram("latency", latency, "ps", "of a packet, from the wire to its socket's queue");
}

void NetDriver::connect(NetDevice& nic, InterruptLines& lines, InterruptController& interrupts) {
    lines.request(nic.interrupt_source(), *this);
    m_nic = &nic;
    m_interrupts = &interrupts;
    m_limits = nic.limits();
}

void NetDriver::set_up(Operation& op, std::size_t cpus) {
    m_parts.dma.add_device(op, {.id = device_id(), .name = "nic"}, m_limits.ring_entries, cpus);
    m_queues.resize(m_limits.queues);
    for (std::size_t i = 0; i < m_limits.queues; ++i) {
        const auto queue = static_cast<CpuId>(i);
        const auto ring =
            m_parts.dma.allocate_coherent(op, device_id(), m_limits.ring_entries * NetRing::descriptor_bytes);
        if (!ring) throw ConfigError("no memory for a ring of the NIC: lower nic.ring_entries");
        m_queues[queue].descriptors = ring->memory;
        m_nic->set_ring(queue, {ring->bus, m_limits.ring_entries});
        refill(op, queue);
        if (m_queues[queue].posted.size() != m_limits.ring_entries)
            throw ConfigError("no memory for " + std::to_string(m_limits.ring_entries) +
                              " buffers of a NIC's queue: lower nic.ring_entries or nic.queues");
    }
    m_sender.set_up(op, *m_nic);
}

std::optional<NetDriver::Buffer> NetDriver::take_buffer(Operation& op, CpuId queue) {
    std::vector<Buffer>& pool = m_queues[queue].pool;
    if (!pool.empty()) {
        const Buffer buffer = pool.back();
        pool.pop_back();
        return buffer;
    }
    const auto frame =
        m_parts.frames.allocate(op, {.mask = gfp::atomic, .purpose = AllocationPurpose::Socket});
    if (!frame) return std::nullopt;
    ++m_stats.pool_pages;
    std::vector<BusPage> mapped;
    if (!m_parts.dma.map(op, device_id(), std::span(&*frame, 1), mapped)) {
        m_parts.frames.free(op, *frame, 0);
        return std::nullopt;
    }
    return Buffer{*frame, mapped.front(), queue};
}

void NetDriver::release(Operation& op, const Packet& packet) {
    if (!packet.merged) op.path.call(KernelFunction::ConsumeSkb);
    if (packet.skb != VirtAddr()) m_parts.objects.kfree(op, packet.skb, KernelFunction::ConsumeSkb);
    if (m_config.buffers == NetBuffers::PagePool)
        m_queues[packet.buffer.queue].pool.push_back(packet.buffer);
    else
        m_parts.frames.free(op, packet.buffer.frame, 0);
}

/// Gives the ring a buffer for each descriptor that has none.
void NetDriver::refill(Operation& op, CpuId id) {
    Queue& queue = m_queues[id];
    while (queue.posted.size() < m_limits.ring_entries) {
        const auto buffer = take_buffer(op, id);
        if (!buffer) break;
        op.path.call(KernelFunction::NicAllocRx);
        op.path.store(queue.descriptors +
                      queue.written++ % m_limits.ring_entries * NetRing::descriptor_bytes);
        queue.posted.push_back(*buffer);
        queue.to_post.push_back(address_of(buffer->page));
    }
    if (!queue.to_post.empty()) op.effect<&NetDriver::post>(*this, index_of(id));
}

void NetDriver::interrupted(Operation& op) {
    if (!m_queues.contains(op.cpu)) return;
    op.path.call(KernelFunction::NicInterrupt);
    if (m_nic->has_stopped()) op.effect<&NetDriver::reset>(*this);
    op.path.call(KernelFunction::NetRxAction);
    m_sender.clean(op, op.cpu);
    std::array<ReceivedPacket, budget> packets;
    const std::size_t polled = m_nic->take_received(op.cpu, op.now, packets);
    for (const ReceivedPacket& packet : std::span(packets).first(polled)) take(op, op.cpu, packet);
    m_queues[op.cpu].held.clear();
    refill(op, op.cpu);
    op.effect<&NetDriver::deliver>(*this, index_of(op.cpu));
    end_poll(op, op.cpu, polled);
}

/// A packet through the network stack, up to its socket.
void NetDriver::take(Operation& op, CpuId id, const ReceivedPacket& packet) {
    Queue& queue = m_queues[id];
    const Buffer buffer = queue.posted.front();
    queue.posted.pop_front();
    op.path.load(queue.descriptors + queue.read++ % m_limits.ring_entries * NetRing::descriptor_bytes);
    op.path.call(KernelFunction::NicCleanRx);
    if (m_config.buffers == NetBuffers::Slab)
        m_parts.dma.unmap(op, device_id(), DmaDirection::FromDevice, std::span(&buffer.frame, 1),
                          std::span(&buffer.page, 1));
    const auto skb = m_parts.objects.kmalloc(op, skb_bytes, gfp::atomic, KernelFunction::BuildSkb);
    op.path.call(KernelFunction::BuildSkb);
    for (std::uint64_t line = 0; line < header_lines; ++line)
        op.path.load(data_of(buffer.frame) + line * line_size);
    const bool merged = skb && m_config.offload == ReceiveOffload::Gro && merges(queue, packet);
    Packet received{buffer, pass_up(op, skb.value_or(VirtAddr()), merged), packet, 0, merged};
    if (!m_sockets.empty()) {
        received.socket = packet.flow % m_sockets.size();
        Socket& socket = m_sockets[received.socket];
        if (skb && socket.bytes + socket.on_the_way + packet.bytes <= socket_limit) {
            socket.on_the_way += packet.bytes;
            return queue.to_deliver.push_back(received);
        }
    }
    ++m_stats.dropped;
    release(op, received);
}

/// Does GRO put the packet behind an earlier one of its flow?
bool NetDriver::merges(Queue& queue, const ReceivedPacket& packet) {
    const auto held = std::ranges::find(queue.held, packet.flow, &Held::flow);
    if (held == queue.held.end()) {
        if (queue.held.size() == most_held) queue.held.pop_front();
        queue.held.push_back({packet.flow, 1, packet.bytes});
        return false;
    }
    const bool fits = held->packets < most_fragments && held->bytes + packet.bytes <= largest_merge;
    if (!fits) *held = {packet.flow, 0, 0};
    ++held->packets;
    held->bytes += packet.bytes;
    return fits;
}

/// What a merged packet's data need of the stack is a place in another's skb. Returns the one that is left.
VirtAddr NetDriver::pass_up(Operation& op, VirtAddr skb, bool merged) {
    op.path.call(KernelFunction::NapiGroReceive);
    if (merged) {
        ++m_stats.merged;
        op.path.call(KernelFunction::GroMerge);
        m_parts.objects.kfree(op, skb, KernelFunction::GroMerge);
        return {};
    }
    op.path.call(KernelFunction::NetifReceiveSkb);
    op.path.call(KernelFunction::IpReceive);
    return skb;
}

/// Either the queue may interrupt again, or it is polled again: at once a few times, then after as long as
/// its polls have taken.
void NetDriver::end_poll(Operation& op, CpuId id, std::size_t polled) {
    Queue& queue = m_queues[id];
    ++m_stats.polls;
    if (polled < budget) {
        queue.polls = 0;
        return op.effect<&NetDriver::enable_interrupt>(*this, index_of(id));
    }
    ++m_stats.full_polls;
    if (queue.polls++ == 0) queue.busy_since = op.now;
    op.effect<&NetDriver::poll_again>(*this, index_of(id));
}

void NetDriver::start_link(std::uint64_t, const Moment& moment) {
    m_is_up = true;
    m_nic->start(moment.now);
}

void NetDriver::post(std::uint64_t queue, const Moment& moment) {
    const auto id = static_cast<CpuId>(queue);
    m_nic->post(id, m_queues[id].to_post, moment.now);
    m_queues[id].to_post.clear();
}

void NetDriver::deliver(std::uint64_t queue, const Moment& moment) {
    std::vector<Packet>& packets = m_queues[static_cast<CpuId>(queue)].to_deliver;
    for (const Packet& packet : packets) {
        Socket& socket = m_sockets[packet.socket];
        socket.on_the_way -= packet.what.bytes;
        socket.bytes += packet.what.bytes;
        socket.packets.push_back(packet);
        socket.waiters.wake_all(moment);
        ++m_stats.packets;
        m_stats.bytes += packet.what.bytes;
        const std::uint64_t latency = (moment.now - packet.what.arrived).value();
        m_stats.latency.add(latency);
        if (m_on_packet)
            m_on_packet({.time = packet.what.arrived.value(),
                         .moved = (packet.what.written - packet.what.arrived).value(),
                         .latency = latency,
                         .bytes = packet.what.bytes,
                         .flow = packet.what.flow,
                         .cpu = static_cast<std::uint16_t>(moment.cpu)});
    }
    packets.clear();
}

void NetDriver::enable_interrupt(std::uint64_t queue, const Moment& moment) {
    m_nic->enable_interrupt(static_cast<CpuId>(queue), moment.now);
}

/// Several CPUs may have seen that it has stopped.
void NetDriver::reset(std::uint64_t, const Moment& moment) {
    if (!m_nic->has_stopped()) return;
    ++m_stats.resets;
    m_nic->reset(moment.now);
}

void NetDriver::poll_again(std::uint64_t id, const Moment& moment) {
    Queue& queue = m_queues[static_cast<CpuId>(id)];
    Tick at = moment.now;
    if (queue.polls == polls_in_a_row) {
        at += moment.now - queue.busy_since;
        queue.polls = 0;
    }
    m_interrupts->raise(static_cast<CpuId>(id), {InterruptKind::Device, m_nic->interrupt_source()}, at);
}

void NetDriver::serve(Operation& op, const SyscallRecord& record) {
    if (m_nic == nullptr)
        throw RunError("the simulated machine has no NIC to receive from or to send by; set nic.rate");
    if (static_cast<NetCall>(record.number) == NetCall::Send) return m_sender.send(op, record);
    if (record.arguments[0] > static_cast<std::uint64_t>(NetReceive::Fixed) || record.arguments[1] == 0 ||
        record.arguments[1] > socket_limit / 2)
        throw RunError("receive call: way " + std::to_string(record.arguments[0]) + ", " +
                       std::to_string(record.arguments[1]) + " bytes: wants a way of 0 to 2 and 1 to " +
                       std::to_string(socket_limit / 2) + " bytes");
    Socket& socket = m_sockets[socket_of(op)];
    const auto how = static_cast<NetReceive>(record.arguments[0]);
    op.path.call(KernelFunction::UdpRecvmsg);
    if (!m_is_up) op.effect<&NetDriver::start_link>(*this);
    grow_user_pages(op, socket, record.arguments[1]);
    // Of the first packet a part may have been received.
    while (socket.bytes - socket.used < record.arguments[1]) socket.waiters.wait(op);
    receive(op, socket, how, record.arguments[1], record.arguments[2] != 0);
    ++m_stats.messages;
    m_stats.message_bytes += record.arguments[1];
}

std::size_t NetDriver::socket_of(Operation& op) {
    const auto [found, is_new] = m_socket_of_task.try_emplace(op.task, m_sockets.size());
    if (is_new) m_sockets.emplace_back(m_parts.runner);
    return found->second;
}

void NetDriver::grow_user_pages(Operation& op, Socket& socket, std::uint64_t bytes) {
    while (socket.user_pages.size() * page_size < bytes) {
        const auto frame =
            m_parts.frames.allocate(op, {.mask = gfp::highuser, .purpose = AllocationPurpose::Anonymous});
        if (!frame) throw RunError("no memory for a message of " + std::to_string(bytes) + " bytes");
        socket.user_pages.push_back(*frame);
    }
}

/// Takes a message from the socket's packets, the first of which may have been received in part.
void NetDriver::receive(Operation& op, Socket& socket, NetReceive how, std::uint64_t bytes, bool reads) {
    for (std::uint64_t done = 0; done < bytes;) {
        const Packet packet = socket.packets.front();
        const auto part = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(packet.what.bytes - socket.used, bytes - done));
        if (!packet.merged) op.path.load(packet.skb);
        if (how == NetReceive::Copy) copy(op, socket, packet, done, part);
        if (how == NetReceive::Remap && socket.used == 0) remap(op, packet);
        if (reads && how != NetReceive::Copy) read(op, data_of(packet.buffer.frame) + socket.used, part);
        done += part;
        socket.used += part;
        if (socket.used != packet.what.bytes) continue;
        socket.used = 0;
        socket.bytes -= packet.what.bytes;
        socket.packets.pop_front();
        release(op, packet);
    }
    if (how != NetReceive::Copy || !reads) return;
    for (std::uint64_t at = 0; at < bytes; at += page_size)
        read(op, data_of(socket.user_pages[at / page_size]),
             static_cast<std::uint32_t>(std::min(page_size, bytes - at)));
}

void NetDriver::copy(Operation& op, const Socket& socket, const Packet& packet, std::uint64_t to,
                     std::uint32_t bytes) {
    if (!packet.merged) op.path.call(KernelFunction::CopyDatagram);
    for (std::uint32_t done = 0; done < bytes;) {
        const std::uint64_t at = to + done;
        const auto part =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes - done, page_size - at % page_size));
        op.path.copy_bytes(data_of(socket.user_pages[at / page_size]) + at % page_size,
                           data_of(packet.buffer.frame) + socket.used + done, part);
        done += part;
    }
}

/// The packet's page takes the place of one of the program's, which goes back to the driver with the packet:
/// the old entry is cleared and its translation dropped, the new one written.
void NetDriver::remap(Operation& op, const Packet& packet) {
    op.path.call(KernelFunction::ZapPte);
    op.path.call(KernelFunction::PageRemoveRmap);
    op.path.store_page(packet.buffer.frame);
    TlbInvalidation dropped{.start = data_of(packet.buffer.frame),
                            .end = data_of(packet.buffer.frame) + page_size};
    dropped.cpus.set(index_of(op.cpu));
    op.path.call(KernelFunction::FlushTlbRange);
    op.path.flush_tlb(dropped);
    op.path.call(KernelFunction::FinishFault);
    op.path.call(KernelFunction::PageAddFileRmap);
}

void NetDriver::read(Operation& op, VirtAddr data, std::uint32_t bytes) {
    for (std::uint64_t at = 0; at < bytes; at += line_size) op.path.load(data + at);
}

} // namespace pagewalk::os
