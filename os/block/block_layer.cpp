#include "os/block/block_layer.h"

#include "base/address.h"
#include "base/error.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

namespace pagewalk::os {

namespace {

constexpr DmaDirection direction_of(BlockRequest::Kind kind) {
    return kind == BlockRequest::Kind::Read ? DmaDirection::FromDevice : DmaDirection::ToDevice;
}

constexpr unsigned most_tries = 6; // Linux 6.1, nvme_core.max_retries: 5 after the first

DmaMapper::Coherent allocate_ring(Operation& op, DmaMapper& dma, DeviceId device, std::uint64_t bytes) {
    if (const auto memory = dma.allocate_coherent(op, device, bytes)) return *memory;
    throw ConfigError("no block of " + std::to_string(bytes) +
                      " bytes for a queue of the block device: lower device.queue_depth or give the machine "
                      "more memory");
}

} // namespace

void BlockConfig::declare(OptionGroup os) {
    os.choice("io_scheduler", scheduler,
              {{IoSchedulerKind::None, "none"}, {IoSchedulerKind::MqDeadline, "mq-deadline"}},
              {Unit::None, "order of block requests that wait for a tag; not with device.kind = fixed",
               "Linux 6.1: none for devices with several queues"});
    os.choice("io_polling", polling, {{IoPolling::Off, "off"}, {IoPolling::On, "on"}},
              {Unit::None,
               "whether tasks poll for direct I/O instead of being interrupted; not with device.kind = fixed",
               "Linux 6.1: RWF_HIPRI, io_uring's IORING_SETUP_IOPOLL"});
}

void BlockLayer::connect(BlockDevice& device, InterruptLines& lines) {
    lines.request(device.interrupt_source(), *this);
    m_device = &device;
    m_limits = device.limits();
}

void BlockLayer::set_up_queues(Operation& op, DmaMapper& dma, std::size_t cpus) {
    if (m_limits.depth == 0) return;
    m_dma = &dma;
    dma.add_device(op, {.id = device_id(), .bits = m_limits.dma_bits, .name = "disk"}, largest_mapping, cpus);
    const std::size_t queues = m_limits.queues == BlockDeviceLimits::Queues::PerCpu ? cpus : 1;
    m_queues.resize(queues);
    const std::uint64_t entries = std::uint64_t{m_limits.depth} + 1;
    for (std::size_t i = 0; i < queues; ++i) {
        HardwareQueue& queue = m_queues[static_cast<CpuId>(i)];
        const auto submissions = allocate_ring(op, dma, device_id(), entries * BlockRings::submission_bytes);
        const auto completions = allocate_ring(op, dma, device_id(), entries * BlockRings::completion_bytes);
        queue.submissions = submissions.memory;
        queue.completions = completions.memory;
        queue.rings = {.submissions = submissions.bus,
                       .completions = completions.bus,
                       .entries = static_cast<std::uint32_t>(entries)};
        queue.waiting = make_io_scheduler(m_config.scheduler);
    }
    for (std::size_t i = 0; i < cpus; ++i)
        m_device->set_rings(static_cast<CpuId>(i), queue_of(static_cast<CpuId>(i)).rings);
}

std::uint64_t BlockLayer::new_request(BlockRequest::Kind kind, std::uint64_t sector,
                                      std::span<const Pfn> frames) {
    if (m_device == nullptr) throw RunError("the simulated machine has no block device");
    std::uint64_t tag = m_requests.size();
    if (m_free_tags.empty()) {
        m_requests.emplace_back();
    } else {
        tag = m_free_tags.back();
        m_free_tags.pop_back();
    }
    Request& request = at(tag);
    request.what = {.kind = kind,
                    .sector = sector,
                    .bytes = static_cast<std::uint32_t>(frames.size() * page_size),
                    .tag = tag};
    request.frames.assign(frames.begin(), frames.end());
    request.owner = nullptr;
    request.direct = nullptr;
    request.merged.clear();
    request.mapped.clear();
    request.sent.clear();
    request.moved = Tick();
    request.tries = 0;
    request.status = BlockStatus::Done;
    request.awaited = request.done = false;
    return tag;
}

void BlockLayer::send(Operation& op, std::uint64_t tag) {
    ++m_stats.in_flight;
    Request& request = at(tag);
    request.own_bytes = request.what.bytes;
    op.path.call(KernelFunction::SubmitBio);
    if (m_plugging)
        m_plugged.push_back(tag);
    else
        tell_device(op, tag);
}

void BlockLayer::tell_device(Operation& op, std::uint64_t tag) {
    if (m_limits.depth != 0) {
        if (!map(op, tag)) return m_to_be_mapped.push_back(tag);
        HardwareQueue& queue = queue_of(op.cpu);
        op.path.store(queue.submissions +
                      queue.entries++ % queue.rings.entries * BlockRings::submission_bytes);
    }
    op.effect<&BlockLayer::submit>(*this, tag);
}

/// Makes the data of a request, and of those that it was merged with under a plug, known to the device.
bool BlockLayer::map(Operation& op, std::uint64_t tag) {
    Request& request = at(tag);
    const std::vector<Pfn>& frames = request.merged.empty() ? request.frames : request.merged_frames;
    if (!m_dma->map(op, device_id(), frames, request.mapped)) return false;
    request.sent = request.mapped;
    return true;
}

void BlockLayer::unmap(Operation& op, std::uint64_t tag) {
    Request& request = at(tag);
    const std::vector<Pfn>& frames = request.merged.empty() ? request.frames : request.merged_frames;
    m_dma->unmap(op, device_id(), direction_of(request.what.kind), frames, request.mapped);
    request.mapped.clear();
}

/// What found no room goes on, oldest first.
void BlockLayer::map_what_waits(Operation& op) {
    for (std::size_t left = m_to_be_mapped.size(); left != 0; --left) {
        const std::uint64_t tag = m_to_be_mapped.front();
        m_to_be_mapped.pop_front();
        tell_device(op, tag);
        if (m_to_be_mapped.empty() || m_to_be_mapped.back() != tag) continue;
        m_to_be_mapped.pop_back(); // no room: it stays the first
        return m_to_be_mapped.push_front(tag);
    }
}

/// Its tag is about to be given back where no path is being filled.
void BlockLayer::note_polled_mapping(std::uint64_t tag) {
    Request& request = at(tag);
    if (request.mapped.empty()) return;
    m_polled_mappings.push_back({direction_of(request.what.kind),
                                 request.merged.empty() ? request.frames : request.merged_frames,
                                 std::exchange(request.mapped, {})});
}

std::size_t BlockLayer::most_pages() const {
    if (m_dma == nullptr) return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(m_dma->most_pages(device_id()));
}

void BlockLayer::unplug(Operation& op) {
    m_plugging = false;
    for (std::size_t i = 0; i < m_plugged.size();) {
        const std::uint64_t first = m_plugged[i];
        for (++i; i < m_plugged.size(); ++i) {
            const BlockRequest &into = at(first).what, &next = at(m_plugged[i]).what;
            if (!continues({.kind = into.kind, .sector = into.sector, .bytes = into.bytes},
                           {.kind = next.kind, .sector = next.sector, .bytes = next.bytes},
                           std::min(largest_merge, most_pages() * page_size)))
                break;
            merge(first, m_plugged[i]);
        }
        tell_device(op, first);
    }
    m_plugged.clear();
}

/// From now on `tag` goes with `into`, which is not at the device yet.
void BlockLayer::merge(std::uint64_t into, std::uint64_t tag) {
    ++m_stats.merges;
    Request& request = at(into);
    if (request.merged.empty()) request.merged_frames = request.frames;
    const Request& other = at(tag);
    request.merged.push_back(tag);
    request.merged.insert(request.merged.end(), other.merged.begin(), other.merged.end());
    const std::vector<Pfn>& frames = other.merged.empty() ? other.frames : other.merged_frames;
    request.merged_frames.insert(request.merged_frames.end(), frames.begin(), frames.end());
    request.sent.insert(request.sent.end(), other.sent.begin(), other.sent.end());
    request.what.bytes += other.what.bytes;
}

void BlockLayer::read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames) {
    m_counters.pgpgin += frames.size() * page_size / 1024;
    while (!frames.empty()) {
        const auto part = frames.first(std::min(frames.size(), most_pages()));
        send(op, new_request(BlockRequest::Kind::Read, sector, part));
        frames = frames.subspan(part.size());
        sector += part.size() * (page_size / sector_size);
    }
}

void BlockLayer::write(Operation& op, std::uint64_t sector, std::span<const Pfn> frames,
                       WrittenPages& owner) {
    m_counters.pgpgout += frames.size() * page_size / 1024;
    while (!frames.empty()) {
        const auto part = frames.first(std::min(frames.size(), most_pages()));
        const std::uint64_t tag = new_request(BlockRequest::Kind::Write, sector, part);
        at(tag).owner = &owner;
        send(op, tag);
        frames = frames.subspan(part.size());
        sector += part.size() * (page_size / sector_size);
    }
}

void BlockLayer::start(Operation& op, const DirectIo& io) {
    if (io.kind == BlockRequest::Kind::Read) m_counters.pgpgin += io.bytes / 1024;
    if (io.kind == BlockRequest::Kind::Write) m_counters.pgpgout += io.bytes / 1024;
    const std::uint64_t tag = new_request(io.kind, io.sector, io.frames);
    Request& request = at(tag);
    request.what.bytes = static_cast<std::uint32_t>(io.bytes);
    request.direct = io.owner;
    request.name = io.name;
    if (polls() && io.kind != BlockRequest::Kind::Flush) request.what.notice = BlockRequest::Notice::Polled;
    send(op, tag);
}

void BlockLayer::transfer(Operation& op, BlockRequest::Kind kind, std::uint64_t sector, std::uint64_t bytes) {
    const std::uint64_t tag = new_request(kind, sector, {});
    Request& request = at(tag);
    request.what.bytes = static_cast<std::uint32_t>(bytes);
    request.awaited = op.may_wait();
    const bool polled = polls() && op.may_wait() && kind != BlockRequest::Kind::Flush;
    if (polled) request.what.notice = BlockRequest::Notice::Polled;
    if (kind == BlockRequest::Kind::Read) m_counters.pgpgin += bytes / 1024;
    if (kind == BlockRequest::Kind::Write) m_counters.pgpgout += bytes / 1024;
    send(op, tag);
    if (!op.may_wait()) return;
    while (!at(tag).done)
        if (polled)
            poll(op);
        else
            m_done.wait(op);
    give_back(tag);
}

void BlockLayer::poll(Operation& op) {
    ++m_stats.polls;
    op.path.call(KernelFunction::BioPoll);
    op.effect<&BlockLayer::poll_device>(*this);
    op.host->give_way(op);
    for (const Mapping& ended : std::exchange(m_polled_mappings, {}))
        m_dma->unmap(op, device_id(), ended.direction, ended.frames, ended.pages);
    map_what_waits(op);
}

void BlockLayer::submit(std::uint64_t tag, const Moment& moment) {
    Request& request = at(tag);
    request.what.cpu = moment.cpu;
    request.queued = moment.now;
    for (const std::uint64_t other : request.merged) {
        at(other).what.cpu = moment.cpu;
        at(other).queued = moment.now;
    }
    if (m_limits.depth == 0) {
        request.submitted = moment.now;
        request.sent.clear();
        for (const Pfn frame : request.frames) request.sent.push_back(untranslated(frame));
        request.what.pages = request.sent;
        return m_device->submit(request.what, moment.now);
    }
    HardwareQueue& queue = queue_of(moment.cpu);
    const QueuedIo io{tag,        request.what.kind, request.what.sector, request.what.bytes,
                      moment.cpu, moment.now};
    if (const auto into = queue.waiting->merge(io, largest_merge)) return merge(*into, tag);
    queue.waiting->add(io);
    dispatch(queue, moment.now);
    if (queue.waiting->waiting() != 0) ++m_stats.waited;
}

/// Tells the device of what waits, while there are tags.
void BlockLayer::dispatch(HardwareQueue& queue, Tick now) {
    while (queue.tags_used < m_limits.depth) {
        const auto io = queue.waiting->next(now);
        if (!io) return;
        ++queue.tags_used;
        Request& request = at(io->tag);
        request.submitted = now;
        request.what.pages = request.sent;
        m_device->submit(request.what, now);
    }
}

void BlockLayer::submit_again(std::uint64_t tag, const Moment& moment) {
    m_device->submit(at(tag).what, moment.now);
}

/// Notes what the device says. Throws RunError where a request that nobody can be told of has failed for
/// good.
bool BlockLayer::is_to_be_tried_again(const BlockCompletion& done) {
    Request& request = at(done.tag);
    request.moved = done.moved;
    if (done.status == BlockStatus::Done) return false;
    if (++request.tries < most_tries) {
        ++m_stats.retries;
        return true;
    }
    give_up(done.tag, done.status);
    for (const std::uint64_t other : request.merged) give_up(other, done.status);
    return false;
}

void BlockLayer::give_up(std::uint64_t tag, BlockStatus status) {
    Request& request = at(tag);
    if (request.direct == nullptr)
        throw RunError("block device: sector " + std::to_string(request.what.sector) + ": " +
                       (request.what.kind == BlockRequest::Kind::Read ? "read" : "write") + " of " +
                       std::to_string(request.what.bytes) + " bytes failed " + std::to_string(most_tries) +
                       " times (device.error_rate)");
    request.status = status;
    ++m_stats.errors;
}

void BlockLayer::complete_pages(Operation& op, std::uint64_t tag) {
    const Request& request = at(tag);
    if (request.direct != nullptr) return;
    for (const Pfn frame : request.frames) {
        op.path.store_page(frame);
        if (request.owner != nullptr) {
            request.owner->complete(op);
            op.effect<&WrittenPages::written>(*request.owner, frame.value());
        } else {
            op.effect<&PageLocks::end_read>(m_locks, frame.value());
        }
    }
}

void BlockLayer::interrupted(Operation& op) {
    std::array<BlockCompletion, 16> done;
    while (const std::size_t count = m_device->take_completions(op.cpu, op.now, done))
        for (const BlockCompletion& completion : std::span(done).first(count)) {
            if (m_limits.depth != 0) {
                HardwareQueue& queue = queue_of(op.cpu);
                op.path.load(queue.completions +
                             queue.completed++ % queue.rings.entries * BlockRings::completion_bytes);
            }
            op.path.call(KernelFunction::CompleteIo);
            if (is_to_be_tried_again(completion)) {
                op.effect<&BlockLayer::submit_again>(*this, completion.tag);
                continue;
            }
            if (m_dma != nullptr) {
                unmap(op, completion.tag);
                for (const std::uint64_t other : at(completion.tag).merged) unmap(op, other);
            }
            complete_pages(op, completion.tag);
            for (const std::uint64_t other : at(completion.tag).merged) complete_pages(op, other);
            op.effect<&BlockLayer::end>(*this, completion.tag);
        }
    map_what_waits(op);
}

void BlockLayer::poll_device(std::uint64_t, const Moment& moment) {
    std::array<BlockCompletion, 16> done;
    while (const std::size_t count = m_device->take_completions(moment.cpu, moment.now, done))
        for (const BlockCompletion& completion : std::span(done).first(count)) {
            if (is_to_be_tried_again(completion)) {
                submit_again(completion.tag, moment);
                continue;
            }
            note_polled_mapping(completion.tag);
            for (const std::uint64_t other : at(completion.tag).merged) note_polled_mapping(other);
            complete_now(completion.tag, moment);
            for (const std::uint64_t other : at(completion.tag).merged) complete_now(other, moment);
            end(completion.tag, moment);
        }
}

/// As complete_pages(), where no path is run.
void BlockLayer::complete_now(std::uint64_t tag, const Moment& moment) {
    const Request& request = at(tag);
    if (request.direct != nullptr) return;
    for (const Pfn frame : request.frames)
        if (request.owner != nullptr)
            request.owner->written(frame.value(), moment);
        else
            m_locks.end_read(frame.value(), moment);
}

void BlockLayer::end(std::uint64_t tag, const Moment& moment) {
    if (m_limits.depth != 0) {
        HardwareQueue& queue = queue_of(at(tag).what.cpu);
        --queue.tags_used;
        dispatch(queue, moment.now);
    }
    const std::vector<std::uint64_t> merged = std::exchange(at(tag).merged, {});
    for (const std::uint64_t other : merged) {
        at(other).submitted = at(tag).submitted;
        at(other).moved = at(tag).moved;
        end_one(other, moment);
    }
    end_one(tag, moment);
}

void BlockLayer::end_one(std::uint64_t tag, const Moment& moment) {
    --m_stats.in_flight;
    Request& request = at(tag);
    request.done = true;
    note(request, moment);
    if (request.direct != nullptr) {
        DirectIoOwner& owner = *request.direct;
        const std::uint64_t name = request.name;
        const BlockStatus status = request.status;
        give_back(tag);
        return owner.io_done(name, status, moment);
    }
    if (!request.awaited) return give_back(tag);
    m_done.wake_all(moment);
}

void BlockLayer::note(const Request& request, const Moment& moment) {
    const std::uint64_t latency = (moment.now - request.queued).value();
    m_stats.wait.add((request.submitted - request.queued).value());
    switch (request.what.kind) {
    case BlockRequest::Kind::Read:
        m_stats.reads.add(latency);
        break;
    case BlockRequest::Kind::Write:
        (request.owner == nullptr ? m_stats.sync_writes : m_stats.async_writes).add(latency);
        break;
    case BlockRequest::Kind::Flush:
        m_stats.flushes.add(latency);
        break;
    }
    if (!m_on_complete) return;
    m_on_complete(
        {.time = request.submitted.value(),
         .latency = (moment.now - request.submitted).value(),
         .waited = (request.submitted - request.queued).value(),
         .moved = request.moved > request.submitted ? (request.moved - request.submitted).value() : 0,
         .sector = request.what.sector,
         .nr_sector = static_cast<std::uint32_t>(request.own_bytes / sector_size),
         .cpu = static_cast<std::uint16_t>(request.what.cpu),
         .call = static_cast<BlockCall>(request.what.kind)});
}

void BlockLayer::give_back(std::uint64_t tag) {
    at(tag).frames.clear();
    m_free_tags.push_back(tag);
}

} // namespace pagewalk::os
