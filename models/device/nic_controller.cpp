#include "models/device/nic_controller.h"

#include <algorithm>

namespace pagewalk::models {

namespace {

constexpr std::uint64_t descriptors_per_line = line_size / NetRing::descriptor_bytes;

constexpr Tick on_the_wire(std::uint64_t bytes, std::uint64_t rate) {
    return Tick(
        static_cast<std::uint64_t>(static_cast<unsigned __int128>(bytes) * 8 * ticks_per_second / rate));
}

} // namespace

void NicStats::declare(StatGroup group) const {
    group.counter("packets", packets, "count", "packets written to memory");
    group.counter("bytes", bytes, "bytes", "of these packets");
    group.counter("dropped", dropped, "count", "packets that found no buffer");
    group.counter("lines_written", lines_written, "count", "lines of memory written with packets");
    group.counter("packets_sent", packets_sent, "count", "packets sent");
    group.counter("bytes_sent", bytes_sent, "bytes", "of these packets");
    group.counter("lines_read", lines_read, "count", "lines of memory read with what was sent");
    group.counter("ring_lines", ring_lines, "count", "lines of memory read and written with descriptors");
    group.counter("interrupts", interrupts, "count", "interrupts raised");
    group.counter("resets", resets, "count", "resets after the IOMMU had refused an access");
    group.counter("missed", missed, "count", "packets that came while it had stopped");
    group.histogram("latency", latency, "ps", "of a packet, from the wire until its descriptor is in memory");
}

NicController::NicController(const NicConfig& config, DeviceId device, const Ports& ports, std::uint64_t seed)
    : m_config(config), m_device(device), m_ports(ports), m_rng(seed, "nic.flows"), m_queues(config.queues),
      m_interval(on_the_wire(config.packet_bytes, config.rate)) {}

void NicController::start(Tick now) {
    if (m_receives) return;
    m_receives = true;
    if (has_stopped()) return;
    m_next_arrival = now + m_interval;
    for (Queue& queue : m_queues) fetch(queue, now);
}

Tick NicController::access(BusAddr place, AccessKind kind, Tick now) {
    const Tick answered = m_ports.memory.access({on_the_bus(place).line(), m_device, kind, now});
    if (answered != no_time) return answered;
    m_refused = true;
    return now;
}

void NicController::stop(Tick now) {
    m_refused = false;
    m_next_arrival = m_send_at = no_time;
    m_stopped_at = now;
    interrupt(CpuId{}, m_queues[CpuId{}], now);
}

void NicController::reset(Tick now) {
    const Tick ready = now + NicConfig::reset_time;
    ++m_stats.resets;
    if (m_receives) {
        m_stats.missed += (ready - m_stopped_at).value() / m_interval.value();
        m_next_arrival = ready + m_interval;
    }
    m_stopped_at = no_time;
    plan_sending(ready);
}

void NicController::post(CpuId id, std::span<const BusAddr> buffers, Tick now) {
    Queue& queue = m_queues[id];
    queue.buffers.insert(queue.buffers.end(), buffers.begin(), buffers.end());
    queue.posted += buffers.size();
    if (m_next_arrival != no_time) fetch(queue, now);
}

/// Reads the descriptors that it has not yet: not before the link is up, as drivers set up before.
void NicController::fetch(Queue& queue, Tick now) {
    for (; queue.fetched != queue.posted; ++queue.fetched) {
        if (queue.fetched % descriptors_per_line != 0) continue;
        const BusAddr place =
            queue.ring.descriptors + queue.fetched % queue.ring.entries * NetRing::descriptor_bytes;
        ++m_stats.ring_lines;
        (void)access(place, AccessKind::Dma, now);
    }
    if (m_refused) stop(now);
}

Tick NicController::next() const {
    Tick next = std::min(m_next_arrival, m_send_at);
    for (const Queue& queue : m_queues) next = std::min(next, queue.interrupt_at);
    return next;
}

void NicController::advance(Tick now) {
    for (Tick time = next(); time <= now; time = next()) {
        for (std::size_t i = 0; i < m_queues.size(); ++i) {
            const auto cpu = static_cast<CpuId>(i);
            if (m_queues[cpu].interrupt_at == time) interrupt(cpu, m_queues[cpu], time);
        }
        if (m_next_arrival == time) arrive(time);
        if (m_send_at == time) send_next(time);
    }
}

void NicController::send(CpuId id, std::span<const SendBuffer> buffers, Tick now) {
    Queue& queue = m_queues[id];
    Tick readable = now;
    for (std::size_t i = 0; i < buffers.size(); ++i, ++queue.send_posted) {
        if (i != 0 && queue.send_posted % descriptors_per_line != 0) continue;
        const BusAddr place = queue.send_ring.descriptors +
                              queue.send_posted % queue.send_ring.entries * NetRing::descriptor_bytes;
        ++m_stats.ring_lines;
        readable = std::max(readable, access(place, AccessKind::Dma, now));
    }
    readable += NicConfig::link_latency * 3; // the doorbell, and there and back
    for (const SendBuffer& buffer : buffers) queue.to_send.push_back({buffer, readable});
    if (m_refused) return stop(now);
    if (!has_stopped()) plan_sending(now);
}

void NicController::plan_sending(Tick now) {
    m_send_at = no_time;
    for (const Queue& queue : m_queues)
        if (!queue.to_send.empty())
            m_send_at = std::min(m_send_at, std::max({now, queue.to_send.front().readable, m_wire_free}));
}

/// A descriptor of the queue whose turn it is.
void NicController::send_next(Tick now) {
    const auto may_send = [&](const Queue& queue) {
        return !queue.to_send.empty() && queue.to_send.front().readable <= now;
    };
    while (!may_send(m_queues[static_cast<CpuId>(m_turn)])) m_turn = (m_turn + 1) % m_queues.size();
    Queue& queue = m_queues[static_cast<CpuId>(m_turn)];
    const SendBuffer buffer = queue.to_send.front().what;
    const Tick left = read(buffer, now);
    if (m_refused) return stop(now);
    queue.to_send.pop_front();
    ++queue.pieces;
    queue.piece_bytes += buffer.bytes;
    m_wire_free = now + on_the_wire(buffer.bytes, NicConfig::link_rate);
    if (buffer.last) {
        end_message(queue, std::max(left, m_wire_free));
        m_turn = (m_turn + 1) % m_queues.size();
    }
    if (m_refused) return stop(now);
    plan_sending(now);
}

/// Returns when the last of its lines is at the NIC.
Tick NicController::read(const SendBuffer& buffer, Tick now) {
    const Tick line_time = on_the_wire(line_size, NicConfig::link_rate);
    const BusAddr end = buffer.data + buffer.bytes;
    Tick last = now;
    for (BusAddr line = buffer.data.line(); line < end; line += line_size, now += line_time) {
        last = std::max(last, access(line, AccessKind::Dma, now));
        if (m_refused) return last;
        ++m_stats.lines_read;
    }
    return last + NicConfig::link_latency * 2;
}

void NicController::end_message(Queue& queue, Tick now) {
    m_stats.packets_sent += (queue.piece_bytes + m_config.packet_bytes - 1) / m_config.packet_bytes;
    m_stats.bytes_sent += queue.piece_bytes;
    Tick written = now;
    for (std::size_t i = 0; i < queue.pieces; ++i, ++queue.send_done) {
        if (i + 1 != queue.pieces && (queue.send_done + 1) % descriptors_per_line != 0) continue;
        const BusAddr place = queue.send_ring.descriptors +
                              queue.send_done % queue.send_ring.entries * NetRing::descriptor_bytes;
        written = std::max(written, access(place, AccessKind::WriteBack, now));
        if (m_refused) break; // it has left all the same
        ++m_stats.ring_lines;
    }
    written += NicConfig::link_latency;
    queue.sent.push_back({written, queue.pieces});
    queue.pieces = 0;
    queue.piece_bytes = 0;
    if (queue.may_interrupt) ask_for_interrupt(queue, written);
}

std::size_t NicController::take_sent(CpuId id, Tick now) {
    std::deque<SentMessage>& sent = m_queues[id].sent;
    std::size_t descriptors = 0;
    for (; !sent.empty() && sent.front().written <= now; sent.pop_front())
        descriptors += sent.front().descriptors;
    return descriptors;
}

void NicController::arrive(Tick now) {
    m_next_arrival = now + m_interval;
    const auto flow = static_cast<std::uint32_t>(m_rng.below(m_config.flows));
    Queue& queue = m_queues[static_cast<CpuId>(flow % m_config.queues)];
    if (queue.buffers.empty()) {
        ++m_stats.dropped;
        return;
    }
    const BusAddr buffer = queue.buffers.front();
    const Tick written = write(queue, now);
    if (m_refused) {
        ++m_stats.dropped;
        queue.buffers.push_front(buffer);
        return stop(now);
    }
    queue.received.push_back({m_config.packet_bytes, flow, now, written});
    ++m_stats.packets;
    m_stats.bytes += m_config.packet_bytes;
    m_stats.latency.add((written - now).value());
    if (queue.may_interrupt) ask_for_interrupt(queue, written);
}

/// A packet to the oldest buffer, then its descriptor. Returns when both are there.
Tick NicController::write(Queue& queue, Tick now) {
    const BusAddr buffer = queue.buffers.front();
    queue.buffers.pop_front();
    const Tick line_time = on_the_wire(line_size, NicConfig::link_rate);
    Tick last = now;
    Tick sent = now;
    for (std::uint64_t at = 0; at < m_config.packet_bytes; at += line_size, sent += line_time) {
        last = std::max(last, access(buffer + at, AccessKind::WriteBack, sent));
        if (m_refused) return last;
        ++m_stats.lines_written;
    }
    const BusAddr descriptor =
        queue.ring.descriptors + queue.filled % queue.ring.entries * NetRing::descriptor_bytes;
    last = std::max(last, access(descriptor, AccessKind::WriteBack, last));
    if (m_refused) return last;
    ++queue.filled;
    ++m_stats.ring_lines;
    return last + NicConfig::link_latency;
}

std::size_t NicController::take_received(CpuId id, Tick now, std::span<ReceivedPacket> packets) {
    std::deque<ReceivedPacket>& received = m_queues[id].received;
    std::size_t taken = 0;
    for (; taken < packets.size() && !received.empty() && received.front().written <= now;
         received.pop_front())
        packets[taken++] = received.front();
    return taken;
}

void NicController::enable_interrupt(CpuId id, Tick now) {
    Queue& queue = m_queues[id];
    queue.may_interrupt = true;
    Tick there = no_time;
    if (!queue.received.empty()) there = queue.received.front().written;
    if (!queue.sent.empty()) there = std::min(there, queue.sent.front().written);
    if (there != no_time) ask_for_interrupt(queue, std::max(now, there));
}

void NicController::ask_for_interrupt(Queue& queue, Tick at) {
    queue.may_interrupt = false;
    queue.interrupt_at = std::max(at, queue.last_interrupt + m_config.interrupt_gap);
}

void NicController::interrupt(CpuId cpu, Queue& queue, Tick now) {
    queue.interrupt_at = no_time;
    queue.last_interrupt = now;
    ++m_stats.interrupts;
    m_ports.interrupts.raise(cpu, {InterruptKind::Device, static_cast<std::uint32_t>(index_of(m_device))},
                             now);
}

} // namespace pagewalk::models
