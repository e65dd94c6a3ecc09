#include "os/block/io_scheduler.h"

#include <algorithm>
#include <iterator>

namespace pagewalk::os {

void NoIoScheduler::add(const QueuedIo& io) {
    if (!m_queues.contains(io.cpu)) m_queues.resize(index_of(io.cpu) + 1);
    m_queues[io.cpu].push_back(io);
    ++m_waiting;
}

std::optional<QueuedIo> NoIoScheduler::next(Tick) {
    for (std::size_t tried = 0; tried < m_queues.size(); ++tried) {
        std::deque<QueuedIo>& queue = m_queues[static_cast<CpuId>(m_turn)];
        m_turn = (m_turn + 1) % m_queues.size();
        if (queue.empty()) continue;
        const QueuedIo io = queue.front();
        queue.pop_front();
        --m_waiting;
        return io;
    }
    return {};
}

std::optional<std::uint64_t> NoIoScheduler::merge(const QueuedIo& io, std::uint64_t most) {
    // As the kernel does, only the latest few of the CPU's own queue are looked at.
    constexpr std::size_t looked_at = 8;
    if (!m_queues.contains(io.cpu)) return {};
    std::deque<QueuedIo>& queue = m_queues[io.cpu];
    for (std::size_t i = 0; i < std::min(looked_at, queue.size()); ++i)
        if (QueuedIo& waiting = *(queue.rbegin() + static_cast<std::ptrdiff_t>(i));
            continues(waiting, io, most)) {
            waiting.bytes += io.bytes;
            return waiting.tag;
        }
    return {};
}

void DeadlineIoScheduler::add(const QueuedIo& io) {
    if (io.kind == BlockRequest::Kind::Flush) {
        m_flushes.push_back(io);
        return;
    }
    Direction& to = direction(io.kind);
    to.by_age.emplace(io.since, to.sorted.emplace(io.sector, io));
}

std::optional<std::uint64_t> DeadlineIoScheduler::merge(const QueuedIo& io, std::uint64_t most) {
    if (io.kind == BlockRequest::Kind::Flush) return {};
    Sorted& sorted = direction(io.kind).sorted;
    const auto behind = sorted.lower_bound(io.sector);
    if (behind == sorted.begin()) return {};
    QueuedIo& before = std::prev(behind)->second;
    if (!continues(before, io, most)) return {};
    before.bytes += io.bytes;
    return before.tag;
}

void DeadlineIoScheduler::forget_age(Direction& direction, Sorted::iterator which) {
    const auto [begin, end] = direction.by_age.equal_range(which->second.since);
    direction.by_age.erase(std::find_if(begin, end, [&](const auto& each) { return each.second == which; }));
}

bool DeadlineIoScheduler::batch_goes_on() const {
    const Direction& current = m_way == BlockRequest::Kind::Write ? m_writes : m_reads;
    return m_batched != 0 && m_batched < fifo_batch &&
           current.sorted.lower_bound(current.position) != current.sorted.end();
}

void DeadlineIoScheduler::choose_direction() {
    m_batched = 0;
    const bool reads = !m_reads.sorted.empty();
    const bool writes = !m_writes.sorted.empty();
    if (reads && (!writes || m_starved < writes_starved)) {
        if (writes) ++m_starved;
        m_way = BlockRequest::Kind::Read;
        return;
    }
    m_starved = 0;
    m_way = BlockRequest::Kind::Write;
}

// The next in order, or the oldest where that has expired or nothing follows.
DeadlineIoScheduler::Sorted::iterator DeadlineIoScheduler::choose(Tick now) {
    const bool goes_on = batch_goes_on();
    if (!goes_on) choose_direction();
    Direction& from = direction(m_way);
    const auto following = from.sorted.lower_bound(from.position);
    if (goes_on) return following;
    const Tick expire = m_way == BlockRequest::Kind::Write ? write_expire : read_expire;
    const auto& [since, oldest] = *from.by_age.begin();
    return following == from.sorted.end() || since + expire <= now ? oldest : following;
}

std::optional<QueuedIo> DeadlineIoScheduler::next(Tick now) {
    if (waiting() == 0) return {};
    if (!m_flushes.empty()) {
        const QueuedIo io = m_flushes.front();
        m_flushes.pop_front();
        return io;
    }
    const Sorted::iterator chosen = choose(now);
    Direction& from = direction(m_way);
    const QueuedIo io = chosen->second;
    forget_age(from, chosen);
    from.sorted.erase(chosen);
    from.position = io.sector + io.bytes / sector_size;
    ++m_batched;
    return io;
}

std::unique_ptr<IoScheduler> make_io_scheduler(IoSchedulerKind kind) {
    if (kind == IoSchedulerKind::MqDeadline) return std::make_unique<DeadlineIoScheduler>();
    return std::make_unique<NoIoScheduler>();
}

} // namespace pagewalk::os
