#include "models/memory/dram_controller.h"

#include "base/address.h"

#include <algorithm>
#include <limits>

namespace pagewalk::models {

void DramStats::declare(StatGroup group) const {
    group.counter("reads", reads, "count", "lines read");
    group.counter("writes", writes, "count", "lines written to the controller");
    group.counter("read_bytes", read_bytes, "bytes", "read over the data bus or from the write queue");
    group.counter("write_bytes", write_bytes, "bytes", "written to the controller");
    group.counter("row_hits", row_hits, "count", "accesses to a row that was open");
    group.counter("row_misses", row_misses, "count", "accesses to a bank that was closed");
    group.counter("row_conflicts", row_conflicts, "count", "accesses to a bank with another row open");
    group.counter("forwarded", forwarded, "count", "reads served from the write queue");
    group.counter("merged_writes", merged_writes, "count", "writes to a line that was in the write queue");
    group.counter("drains", drains, "count",
                  "batches of writes sent to the DRAM, from a full queue or while idle");
    group.counter("bus_busy", bus_busy, "ps", "data on the bus, summed over the channels");
    group.counter("refreshes", refreshes, "count", "all-bank refreshes of a rank");
    group.histogram("read_latency", read_latency, "ps", "from a read's arrival to its data");
}

DramController::DramController(const DramConfig& config)
    : m_timing(DramTiming::make(config.standard, config.timing, config.channel_bytes)), m_mapper(config),
      m_clocks_a_tick(static_cast<std::uint64_t>(
          (static_cast<unsigned __int128>(m_timing.clock.hertz()) << 64) / ticks_per_second)),
      m_burst(m_timing.clock.to_ticks(m_timing.burst).value()),
      m_latency_in(config.controller_latency.value() / 2),
      m_latency_out(config.controller_latency.value() - config.controller_latency.value() / 2),
      m_write_high(config.write_high), m_write_low(config.write_low) {
    config.validate();
    for (std::uint32_t i = 0; i < config.channels; ++i)
        m_channels.push_back({DramChannel(config, m_timing), WriteQueue(config.write_queue)});
}

Tick DramController::access(const LineRequest& request) {
    const std::uint64_t line = request.line.value() >> line_shift;
    const DramPlace place = m_mapper.place(request.line);
    Channel& channel = m_channels[place.channel];
    const std::uint64_t arrived = request.time.value() + m_latency_in;
    const std::uint64_t known = edge(arrived);
    if (known > channel.next_drain && known > channel.reads.latest(known)) drain_idle(channel, known);
    if (request.kind == AccessKind::WriteBack) {
        write(channel, place, line, known);
        return Tick(arrived);
    }
    ++m_stats.reads;
    m_stats.read_bytes += line_size;
    std::uint64_t served = arrived;
    if (channel.queue.contains(line)) {
        ++m_stats.forwarded;
    } else {
        const DramChannel::Commands commands = channel.dram.plan(place, known, BusDirection::Read);
        give(channel, place, BusDirection::Read, commands);
        channel.reads.add(known, commands.data_end);
        served = m_timing.clock.to_ticks(Cycles(commands.data_end)).value();
    }
    const Tick arrives(served + m_latency_out);
    m_stats.read_latency.add((arrives - request.time).value());
    return arrives;
}

void DramController::write(Channel& channel, const DramPlace& place, std::uint64_t line, std::uint64_t time) {
    ++m_stats.writes;
    m_stats.write_bytes += line_size;
    if (channel.queue.contains(line)) {
        ++m_stats.merged_writes;
        return;
    }
    if (channel.queue.empty()) channel.next_drain = time;
    channel.queue.push({place, line, time});
    if (channel.queue.size() >= m_write_high) drain_batch(channel, time);
}

void DramController::drain_batch(Channel& channel, std::uint64_t time) {
    ++m_stats.drains;
    const std::uint64_t reads_end = channel.reads.latest(time);
    std::uint64_t begin = std::numeric_limits<std::uint64_t>::max(), end = 0;
    const std::size_t count = channel.queue.size() - m_write_low;
    channel.queue.for_each_by_row(count, [&](const WriteQueue::Write& write) {
        const DramChannel::Commands commands =
            channel.dram.plan(write.place, time, BusDirection::Write, reads_end);
        give(channel, write.place, BusDirection::Write, commands);
        begin = std::min(begin, commands.data_end);
        end = std::max(end, commands.data_end);
    });
    for (std::size_t i = 0; i < count; ++i) channel.queue.pop();
    channel.dram.keep_reads_out(begin, end);
}

/// Serves what an idle channel has begun by `until`, when it hears of something new.
void DramController::drain_idle(Channel& channel, std::uint64_t until) {
    const std::uint64_t reads_end = channel.reads.latest(until);
    std::uint64_t served = 0;
    channel.next_drain = never_drains;
    for (; !channel.queue.empty(); channel.queue.pop(), ++served) {
        const WriteQueue::Write& oldest = channel.queue.front();
        channel.next_drain = std::max(oldest.time, reads_end);
        if (channel.next_drain >= until) break;
        const DramChannel::Commands commands =
            channel.dram.plan(oldest.place, channel.next_drain, BusDirection::Write);
        if (commands.column >= until) {
            channel.next_drain = commands.column;
            break;
        }
        give(channel, oldest.place, BusDirection::Write, commands);
        channel.next_drain = never_drains;
    }
    m_stats.drains += served != 0 ? 1 : 0;
}

inline void DramController::give(Channel& channel, const DramPlace& place, BusDirection direction,
                                 const DramChannel::Commands& commands) {
    m_stats.refreshes += channel.dram.give(place, direction, commands);
    m_stats.bus_busy += m_burst;
    switch (commands.outcome) {
    case RowOutcome::Hit:
        ++m_stats.row_hits;
        break;
    case RowOutcome::Miss:
        ++m_stats.row_misses;
        break;
    case RowOutcome::Conflict:
        ++m_stats.row_conflicts;
        break;
    }
}

} // namespace pagewalk::models
