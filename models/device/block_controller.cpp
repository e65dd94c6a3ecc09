#include "models/device/block_controller.h"

#include "base/address.h"
#include "models/device/disk_media.h"
#include "models/device/flash_media.h"

#include <algorithm>

namespace pagewalk::models {

namespace {

/// Of the link's turns: short enough that what it does lies hardly ahead of time, long enough to be few.
constexpr std::uint32_t largest_chunk = 4096;

constexpr Tick duration(std::uint64_t bytes, std::uint64_t bandwidth) {
    return Tick(
        static_cast<std::uint64_t>(static_cast<unsigned __int128>(bytes) * ticks_per_second / bandwidth));
}

std::unique_ptr<BlockMedia> make_media(const BlockDeviceConfig& config, std::uint64_t seed) {
    if (config.kind == BlockDeviceKind::Disk) return std::make_unique<DiskMedia>(config.parameters());
    return std::make_unique<FlashMedia>(config.parameters(), seed);
}

} // namespace

void BlockControllerStats::declare(StatGroup group) const {
    group.counter("reads", reads, "count", "read requests that are complete");
    group.counter("writes", writes, "count", "write requests that are complete");
    group.counter("flushes", flushes, "count", "flushes that are complete");
    group.counter("bytes_read", bytes_read, "bytes", "data delivered");
    group.counter("bytes_written", bytes_written, "bytes", "data taken");
    group.counter("lines_written", lines_written, "count", "lines of memory written with data of reads");
    group.counter("lines_read", lines_read, "count", "lines of memory read with data of writes");
    group.counter("ring_lines", ring_lines, "count",
                  "lines of memory read and written with entries of submission and completion rings");
    group.counter("interrupts", interrupts, "count", "interrupts raised");
    group.counter("cache_waits", cache_waits, "count", "writes that found no room in the write cache");
    group.counter("errors", errors, "count", "requests that failed with a medium error");
    group.counter("resets", resets, "count", "resets after the IOMMU had refused an access");
    group.histogram("read_latency", read_latency, "ps", "reads, from the doorbell to the completion's entry");
    group.histogram("write_latency", write_latency, "ps",
                    "writes, from the doorbell to the completion's entry");
}

BlockController::BlockController(const BlockDeviceConfig& config, DeviceId device, const Ports& ports,
                                 std::uint64_t seed)
    : m_config(config), m_parameters(config.parameters()), m_device(device), m_ports(ports),
      m_rng(seed, "device.errors"), m_media(make_media(config, seed)), m_seed(seed) {}

void BlockController::set_rings(CpuId cpu, const BlockRings& rings) {
    if (!m_queues.contains(cpu)) m_queues.resize(index_of(cpu) + 1);
    m_queues[cpu].rings = rings;
}

void BlockController::submit(const BlockRequest& request, Tick now) {
    PAGEWALK_INVARIANT(m_queues.contains(request.cpu) && ring_queue(request.cpu).rings.entries != 0);
    CommandId id = static_cast<CommandId>(m_commands.size());
    if (m_free_commands.empty()) {
        m_commands.emplace_back();
    } else {
        id = m_free_commands.back();
        m_free_commands.pop_back();
    }
    m_commands[id] = {.request = request,
                      .submitted = now,
                      .entry = ring_queue(request.cpu).submitted++,
                      .to_move = request.bytes,
                      .to_write = request.bytes,
                      .taken = true};
    schedule(std::max(now + m_parameters.link_latency, m_reset_until), Step::Arrive, id);
}

Tick BlockController::next() const {
    const Tick event = m_events.empty() ? no_time : m_events.top().time;
    return std::min(event, m_media->next());
}

void BlockController::advance(Tick now) {
    for (Tick time = next(); time <= now; time = next()) {
        if (m_media->next() == time) {
            while (const auto part = m_media->take(time)) media_done(*part, time);
        } else {
            const Event event = m_events.top();
            m_events.pop();
            handle(event);
        }
        if (m_refused) stop(time);
    }
}

Tick BlockController::access(PhysAddr place, AccessKind kind, Tick now) {
    const Tick answered = m_ports.memory.access({place.line(), m_device, kind, now});
    if (answered != no_time) return answered;
    m_refused = true;
    return now;
}

/// Forgets all that it has begun. Writes that it has completed are in a cache that keeps them.
void BlockController::stop(Tick now) {
    m_refused = false;
    ++m_stats.resets;
    m_reset_until = now + reset_time;
    m_events = {};
    m_media = make_media(m_config, m_seed);
    for (Lane& lane : m_lanes) {
        lane.waiting.clear();
        lane.busy = false;
    }
    m_cache_queue.clear();
    m_flushes.clear();
    m_cached = 0;
    m_written = m_given;
    for (CommandId id = 0; id < m_commands.size(); ++id) {
        if (!m_commands[id].taken) continue;
        ++ring_queue(m_commands[id].request.cpu).completed;
        m_commands[id].moved = now;
        give_back(id, now, BlockStatus::Reset);
    }
    for (std::size_t i = 0; i < m_queues.size(); ++i)
        if (const auto cpu = static_cast<CpuId>(i); m_queues[cpu].untold != 0) raise(cpu, now);
}

void BlockController::handle(const Event& event) {
    switch (event.step) {
    case Step::Arrive:
        return arrive(event.what, event.time);
    case Step::Begin:
        return begin(event.what, event.time);
    case Step::LaneFree:
        m_lanes[event.what].busy = false;
        return move_chunk(event.what, event.time);
    case Step::Moved:
        return moved(event.what, event.time);
    case Step::Complete:
        return complete(event.what, event.time);
    case Step::Coalesce:
        if (m_queues[static_cast<CpuId>(event.what)].untold != 0)
            raise(static_cast<CpuId>(event.what), event.time);
    }
}

// Reads the entry from the ring; commands are understood one after the other.
void BlockController::arrive(CommandId id, Tick now) {
    const Command& command = m_commands[id];
    const BlockRings& rings = ring_queue(command.request.cpu).rings;
    const PhysAddr entry =
        on_the_bus(rings.submissions + command.entry % rings.entries * BlockRings::submission_bytes);
    ++m_stats.ring_lines;
    const Tick fetched =
        access(entry, AccessKind::Dma, now) + m_parameters.link_latency * 2; // the fetch goes there and back
    const bool is_read = command.request.kind == BlockRequest::Kind::Read;
    m_front_free = std::max(m_front_free, fetched) +
                   (is_read ? m_parameters.command_time : m_parameters.write_command_time);
    schedule(m_front_free, Step::Begin, id);
}

void BlockController::begin(CommandId id, Tick now) {
    Command& command = m_commands[id];
    const BlockRequest& request = command.request;
    if (request.kind != BlockRequest::Kind::Flush && m_rng.below(1'000'000) < m_config.error_rate) {
        command.status = BlockStatus::MediumError;
        ++m_stats.errors;
        return schedule(now, Step::Complete, id);
    }
    switch (request.kind) {
    case BlockRequest::Kind::Read:
        return m_media->read({request.sector, request.bytes, id}, now);
    case BlockRequest::Kind::Write:
        return add_transfer(id, request.bytes, now);
    case BlockRequest::Kind::Flush:
        command.barrier = m_parameters.volatile_cache ? m_given : 0;
        m_flushes.push_back(id);
        return end_flushes(now);
    }
}

void BlockController::add_transfer(CommandId id, std::uint32_t bytes, Tick now) {
    const std::uint32_t lane = lane_of(m_commands[id].request.kind);
    m_lanes[lane].waiting.push_back({id, bytes});
    if (!m_lanes[lane].busy) move_chunk(lane, now);
}

// One chunk of the transfer whose turn it is.
void BlockController::move_chunk(std::uint32_t index, Tick now) {
    Lane& lane = m_lanes[index];
    if (lane.waiting.empty()) return;
    Transfer transfer = lane.waiting.front();
    lane.waiting.pop_front();
    Command& command = m_commands[transfer.command];
    const std::uint64_t bandwidth = bandwidth_of(command.request.kind);
    const std::uint32_t bytes = std::min(transfer.bytes, largest_chunk);
    const Tick taken = duration(bytes, bandwidth);
    const Tick there = std::max(move_lines(command, bytes, duration(line_size, bandwidth), now), now + taken);
    command.moved = std::max(command.moved, there);
    command.to_move -= bytes;
    transfer.bytes -= bytes;
    if (transfer.bytes != 0) lane.waiting.push_back(transfer);
    if (command.to_move == 0) schedule(command.moved, Step::Moved, transfer.command);
    lane.busy = true;
    schedule(now + taken, Step::LaneFree, index);
}

Tick BlockController::move_lines(Command& command, std::uint32_t bytes, Tick line_time, Tick now) {
    const BlockRequest& request = command.request;
    const bool is_read = request.kind == BlockRequest::Kind::Read;
    const std::uint64_t begin = request.bytes - command.to_move;
    Tick last{};
    for (std::uint64_t at = begin; at < begin + bytes && !m_refused; at += line_size, now += line_time) {
        const std::uint64_t page = at / page_size;
        if (page >= request.pages.size()) break;
        const PhysAddr line = on_the_bus(address_of(request.pages[page]) + at % page_size);
        ++(is_read ? m_stats.lines_written : m_stats.lines_read);
        const Tick answered = access(line, is_read ? AccessKind::WriteBack : AccessKind::Dma, now);
        last = std::max(last, answered + m_parameters.link_latency * (is_read ? 0 : 2));
    }
    return last;
}

void BlockController::moved(CommandId id, Tick now) {
    Command& command = m_commands[id];
    if (command.request.kind == BlockRequest::Kind::Read) return complete(id, now);
    if (m_parameters.write_cache == 0) {
        m_given += command.request.bytes;
        return m_media->write({command.request.sector, command.request.bytes, id}, now);
    }
    if (!m_cache_queue.empty() || m_cached + command.request.bytes > m_parameters.write_cache)
        ++m_stats.cache_waits;
    m_cache_queue.push_back(id);
    admit_writes(now);
}

// Into the cache, in the order of their coming. One that is larger than the cache has it for itself.
void BlockController::admit_writes(Tick now) {
    while (!m_cache_queue.empty()) {
        const CommandId id = m_cache_queue.front();
        const BlockRequest& request = m_commands[id].request;
        if (m_cached != 0 && m_cached + request.bytes > m_parameters.write_cache) return;
        m_cache_queue.pop_front();
        m_cached += request.bytes;
        m_given += request.bytes;
        m_media->write({request.sector, request.bytes, nobody}, now);
        schedule(now + m_parameters.cache_latency, Step::Complete, id);
    }
}

void BlockController::media_done(const MediaPart& part, Tick now) {
    if (part.command == nobody) {
        m_cached -= part.bytes;
        m_written += part.bytes;
        admit_writes(now);
        return end_flushes(now);
    }
    Command& command = m_commands[part.command];
    if (command.request.kind == BlockRequest::Kind::Read) return add_transfer(part.command, part.bytes, now);
    m_written += part.bytes;
    command.to_write -= part.bytes;
    if (command.to_write == 0) complete(part.command, now);
    end_flushes(now);
}

void BlockController::end_flushes(Tick now) {
    for (; !m_flushes.empty() && m_commands[m_flushes.front()].barrier <= m_written; m_flushes.pop_front())
        schedule(now, Step::Complete, m_flushes.front());
}

void BlockController::complete(CommandId id, Tick now) {
    const Command& command = m_commands[id];
    const BlockRequest& request = command.request;
    Queue& ring = ring_queue(request.cpu);
    const PhysAddr entry = on_the_bus(ring.rings.completions +
                                      ring.completed++ % ring.rings.entries * BlockRings::completion_bytes);
    ++m_stats.ring_lines;
    const Tick written = std::max(access(entry, AccessKind::WriteBack, now), now) + m_parameters.link_latency;
    if (m_refused) {
        --ring.completed; // it is among those that stop() gives back
        return;
    }
    if (command.status == BlockStatus::Done) {
        const bool is_write = request.kind == BlockRequest::Kind::Write;
        ++(request.kind == BlockRequest::Kind::Read ? m_stats.reads
           : is_write                               ? m_stats.writes
                                                    : m_stats.flushes);
        (is_write ? m_stats.bytes_written : m_stats.bytes_read) += request.bytes;
        if (request.kind != BlockRequest::Kind::Flush)
            (is_write ? m_stats.write_latency : m_stats.read_latency)
                .add((written - command.submitted).value());
    }
    if (command.moved == Tick()) m_commands[id].moved = now;
    give_back(id, written, command.status);
}

void BlockController::give_back(CommandId id, Tick written, BlockStatus status) {
    Command& command = m_commands[id];
    m_queues[command.request.cpu].done.push_back({written, {command.request.tag, command.moved, status}});
    command.taken = false;
    m_free_commands.push_back(id);
    if (command.request.notice == BlockRequest::Notice::Interrupt) tell(command.request.cpu, written);
}

void BlockController::tell(CpuId cpu, Tick now) {
    Queue& queue = m_queues[cpu];
    if (++queue.untold >= m_config.coalesced) return raise(cpu, now);
    if (queue.untold == 1)
        schedule(now + m_config.coalescing_time, Step::Coalesce, static_cast<std::uint32_t>(index_of(cpu)));
}

void BlockController::raise(CpuId cpu, Tick now) {
    m_queues[cpu].untold = 0;
    ++m_stats.interrupts;
    m_ports.interrupts.raise(cpu, {InterruptKind::Device, static_cast<std::uint32_t>(m_device)}, now);
}

std::size_t BlockController::take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) {
    if (!m_queues.contains(cpu)) return 0;
    std::deque<Completed>& queue = m_queues[cpu].done;
    std::size_t taken = 0;
    for (; taken < done.size() && !queue.empty() && queue.front().time <= now; queue.pop_front())
        done[taken++] = queue.front().what;
    return taken;
}

} // namespace pagewalk::models
