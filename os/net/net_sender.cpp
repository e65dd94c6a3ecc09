#include "os/net/net_sender.h"

#include "base/error.h"

#include <algorithm>
#include <string>
#include <utility>

namespace pagewalk::os {

namespace {

VirtAddr data_of(Pfn frame) { return kernel_layout::direct_map(address_of(frame)); }

} // namespace

void NetSenderStats::declare(StatGroup group) const {
    group.counter("messages", messages, "count", "messages that tasks sent");
    group.counter("bytes", bytes, "bytes", "of these messages");
    group.counter("segments", segments, "count", "segments of them that went through the network stack");
    group.counter("buffer_waits", buffer_waits, "count", "waits for room in a socket's buffer of 208 KiB");
    group.counter("ring_waits", ring_waits, "count",
                  "waits for descriptors, or for addresses that the NIC can use");
    group.histogram("latency", latency, "ps",
                    "of a segment, from the doorbell until its memory is free again");
}

void NetSender::set_up(Operation& op, NetDevice& nic) {
    m_nic = &nic;
    m_limits = nic.limits();
    for (std::size_t i = 0; i < m_limits.queues; ++i) {
        const auto ring =
            m_parts.dma.allocate_coherent(op, device_id(), m_limits.ring_entries * NetRing::descriptor_bytes);
        if (!ring) throw ConfigError("no memory for a send ring of the NIC: lower nic.ring_entries");
        m_queues.emplace_back(m_parts.runner).descriptors = ring->memory;
        nic.set_send_ring(static_cast<CpuId>(i), {ring->bus, m_limits.ring_entries});
    }
}

void NetSender::send(Operation& op, const SyscallRecord& record) {
    const auto [way, bytes, writes, unused_3, unused_4, unused_5] = record.arguments;
    if (way > static_cast<std::uint64_t>(NetSend::ZeroCopy) || bytes == 0 || bytes > largest_message)
        throw RunError("send call: way " + std::to_string(way) + ", " + std::to_string(bytes) +
                       " bytes: wants a way of 0 or 1 and 1 to " + std::to_string(largest_message) +
                       " bytes");
    const std::size_t number = socket_of(op);
    Socket& socket = m_sockets[number];
    grow_user_pages(op, socket, bytes);
    if (writes != 0)
        for (std::uint64_t at = 0; at < bytes; at += line_size)
            op.path.store(data_of(socket.user_pages[at / page_size]) + at % page_size);
    const std::uint64_t most =
        m_segmentation == Segmentation::Nic ? largest_segment : std::uint64_t{m_limits.packet_bytes};
    for (std::uint64_t from = 0; from < bytes; from += most)
        send_segment(op, number, static_cast<NetSend>(way), from, std::min(most, bytes - from));
    ++m_stats.messages;
    m_stats.bytes += bytes;
}

std::size_t NetSender::socket_of(Operation& op) {
    const auto [found, is_new] = m_socket_of_task.try_emplace(op.task, m_sockets.size());
    if (is_new) m_sockets.emplace_back(m_parts.runner);
    return found->second;
}

void NetSender::grow_user_pages(Operation& op, Socket& socket, std::uint64_t bytes) {
    while (socket.user_pages.size() * page_size < bytes) {
        const auto frame =
            m_parts.frames.allocate(op, {.mask = gfp::highuser, .purpose = AllocationPurpose::Anonymous});
        if (!frame) throw RunError("no memory for a message of " + std::to_string(bytes) + " bytes");
        socket.user_pages.push_back(*frame);
    }
}

/// What may wait for memory comes first: from the ring's look at its room on nothing may.
void NetSender::send_segment(Operation& op, std::size_t number, NetSend how, std::uint64_t from,
                             std::uint64_t bytes) {
    Socket& socket = m_sockets[number];
    op.path.call(KernelFunction::UdpSendmsg);
    while (socket.under_way != 0 && socket.under_way + bytes > socket_buffer) {
        ++m_stats.buffer_waits;
        socket.waiters.wait(op);
    }
    const auto skb = m_parts.objects.kmalloc(op, skb_bytes, gfp::kernel, KernelFunction::UdpSendmsg);
    if (!skb) throw RunError("no memory for a packet that is sent");
    const std::vector<Piece> pieces =
        how == NetSend::Copy ? copied(op, socket, from, bytes) : pinned(op, socket, from, bytes);
    Segment segment{.socket = number, .bytes = bytes, .how = how, .skb = *skb};
    for (const Piece& piece : pieces) segment.frames.push_back(piece.frame);
    op.path.call(KernelFunction::DevQueueXmit);
    const std::size_t id = index_of(op.cpu) % m_queues.size();
    Queue& queue = m_queues[id];
    map_into_ring(op, queue, segment);
    op.path.call(KernelFunction::NicXmit);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        op.path.store(queue.descriptors +
                      queue.written++ % m_limits.ring_entries * NetRing::descriptor_bytes);
        queue.to_tell.push_back(
            {address_of(segment.pages[i]) + pieces[i].offset, pieces[i].bytes, i + 1 == pieces.size()});
    }
    queue.used += pieces.size();
    queue.segments.push_back(std::move(segment));
    socket.under_way += bytes;
    ++m_under_way;
    ++m_stats.segments;
    op.effect<&NetSender::ring_doorbell>(*this, id);
}

/// Waits until the ring has a descriptor for each piece and the NIC can reach them.
void NetSender::map_into_ring(Operation& op, Queue& queue, Segment& segment) {
    while (queue.used + segment.frames.size() > m_limits.ring_entries ||
           !m_parts.dma.map(op, device_id(), segment.frames, segment.pages)) {
        if (queue.segments.empty())
            throw RunError("a segment of " + std::to_string(segment.frames.size()) +
                           " pages finds no room in an empty ring of the NIC");
        ++m_stats.ring_waits;
        queue.waiters.wait(op);
    }
}

std::vector<NetSender::Piece> NetSender::copied(Operation& op, const Socket& socket, std::uint64_t from,
                                                std::uint64_t bytes) {
    std::vector<Piece> pieces;
    for (std::uint64_t done = 0; done < bytes; done += page_size) {
        const auto frame =
            m_parts.frames.allocate(op, {.mask = gfp::kernel, .purpose = AllocationPurpose::Socket});
        if (!frame) throw RunError("no memory for a packet that is sent");
        pieces.push_back({*frame, 0, static_cast<std::uint32_t>(std::min(page_size, bytes - done))});
    }
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t at = from + done;
        const std::uint64_t part =
            std::min({bytes - done, page_size - at % page_size, page_size - done % page_size});
        op.path.copy_bytes(data_of(pieces[done / page_size].frame) + done % page_size,
                           data_of(socket.user_pages[at / page_size]) + at % page_size,
                           static_cast<std::uint32_t>(part));
        done += part;
    }
    return pieces;
}

/// The task's own pages, which get a reference each until they have been sent.
std::vector<NetSender::Piece> NetSender::pinned(Operation& op, const Socket& socket, std::uint64_t from,
                                                std::uint64_t bytes) {
    std::vector<Piece> pieces;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t at = from + done;
        const std::uint64_t part = std::min(bytes - done, page_size - at % page_size);
        const Pfn frame = socket.user_pages[at / page_size];
        op.path.store_page(frame);
        pieces.push_back(
            {frame, static_cast<std::uint32_t>(at % page_size), static_cast<std::uint32_t>(part)});
        done += part;
    }
    return pieces;
}

void NetSender::ring_doorbell(std::uint64_t id, const Moment& moment) {
    Queue& queue = m_queues[id];
    for (; queue.told != queue.segments.size(); ++queue.told) queue.segments[queue.told].told = moment.now;
    m_nic->send(static_cast<CpuId>(id), queue.to_tell, moment.now);
    queue.to_tell.clear();
}

void NetSender::clean(Operation& op, CpuId id) {
    Queue& queue = m_queues[index_of(id)];
    std::size_t left = m_nic->take_sent(id, op.now);
    if (left == 0) return;
    queue.used -= left;
    while (left != 0) {
        Segment segment = std::move(queue.segments.front());
        queue.segments.pop_front();
        --queue.told;
        left -= segment.frames.size();
        release(op, segment);
        queue.cleaned.push_back(std::move(segment));
    }
    op.effect<&NetSender::tell_tasks>(*this, index_of(id));
}

void NetSender::release(Operation& op, const Segment& segment) {
    op.path.call(KernelFunction::NicCleanTx);
    m_parts.dma.unmap(op, device_id(), DmaDirection::ToDevice, segment.frames, segment.pages);
    op.path.call(KernelFunction::ConsumeSkb);
    m_parts.objects.kfree(op, segment.skb, KernelFunction::ConsumeSkb);
    for (const Pfn frame : segment.frames)
        if (segment.how == NetSend::Copy)
            m_parts.frames.free(op, frame, 0);
        else
            op.path.store_page(frame);
}

void NetSender::tell_tasks(std::uint64_t id, const Moment& moment) {
    Queue& queue = m_queues[id];
    for (const Segment& segment : std::exchange(queue.cleaned, {})) {
        Socket& socket = m_sockets[segment.socket];
        socket.under_way -= segment.bytes;
        socket.waiters.wake_all(moment);
        --m_under_way;
        m_stats.latency.add((moment.now - segment.told).value());
    }
    queue.waiters.wake_all(moment);
}

} // namespace pagewalk::os
