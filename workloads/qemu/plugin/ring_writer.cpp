#include "workloads/qemu/plugin/ring_writer.h"

#include "workloads/qemu/futex.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/mman.h>

namespace pagewalk::workloads {

namespace {

/// Maps a ring twice in a row. mremap with an old size of 0 duplicates a shared mapping, so no descriptor is
/// needed: the program may have closed every one it found.
std::uint64_t* map_twice(std::byte* ring, std::size_t bytes) {
    void* place = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return nullptr;
    for (std::size_t half = 0; half < 2; ++half) {
        void* target = static_cast<std::byte*>(place) + half * bytes;
        if (mremap(ring, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) return nullptr;
    }
    return static_cast<std::uint64_t*>(place);
}

} // namespace

std::uint32_t RingWriter::take_free_ring(std::uint64_t number) {
    while (true) {
        bool any_left = false; // by its thread, so the consumer will free it
        for (std::uint32_t tries = 0; tries < max_rings; ++tries) {
            const auto slot = static_cast<std::uint32_t>((number + tries) % max_rings);
            std::atomic<RingState>& state = m_segment.control(slot).state;
            RingState expected = RingState::Free;
            if (state.compare_exchange_strong(expected, RingState::Claimed)) return slot;
            any_left |= expected == RingState::Released;
        }
        if (!any_left) fail(SegmentFailure::TooManyRings);
        stop_without_consumer();
        usleep(retry_us);
    }
}

std::uint64_t* RingWriter::map_ring(std::uint32_t number) {
    SegmentHeader& header = m_segment.header();
    std::byte* const storage =
        reinterpret_cast<std::byte*>(&header) + ring_offset + number * header.ring_bytes;
    std::uint64_t* const base = map_twice(storage, header.ring_bytes);
    if (base == nullptr) fail(SegmentFailure::MapFailed);
    return base;
}

RingControl* RingWriter::claim(std::uint64_t epoch) {
    SegmentHeader& header = m_segment.header();
    const std::uint64_t number = header.threads_claimed.fetch_add(1);
    wait_until([&] { return number - header.threads_seen.load() < thread_slots; });
    const std::uint32_t slot = take_free_ring(number);
    RingControl& ring = m_segment.control(slot);
    ring.base = map_ring(slot);
    ring.cursor = ring.mark = ring.base;
    ring.limit = ring.base + publish_words;
    ring.epoch = epoch;
    ring.thread = number;
    ring.images.store(0);
    ring.gone.store(0);
    ring.pid.store(static_cast<std::int32_t>(getpid()));
    ring.tid.store(static_cast<std::int32_t>(syscall(SYS_gettid)));

    ThreadEntry& entry = m_segment.thread(number);
    entry.ring = slot;
    entry.tid = ring.tid.load();
    entry.pid = ring.pid.load();
    entry.parent_pid = static_cast<std::int32_t>(getppid());
    entry.epoch = epoch;
    entry.ready.store(number + 1, std::memory_order_release);
    tell_consumer();
    return &ring;
}

RingControl* RingWriter::continue_ring(std::uint32_t number) {
    RingControl& ring = m_segment.control(number);
    std::uint64_t* const base = map_ring(number);
    ring.base = base;
    ring.cursor = ring.mark = ring.limit = base + ring.published.load() % ring_words();
    ring.tid.store(static_cast<std::int32_t>(getpid()));
    for (std::uint32_t i = 0; i < max_rings; ++i) {
        RingControl& other = m_segment.control(i);
        if (i == number || other.pid.load() != ring.pid.load()) continue;
        ring.epoch = std::max(ring.epoch, other.epoch);
        other.gone.store(1);
    }
    tell_consumer();
    return &ring;
}

bool RingWriter::has_executed(std::int32_t child) const {
    const std::uint64_t count = m_segment.header().threads_claimed.load();
    const std::uint64_t first = count > thread_slots ? count - thread_slots : 0;
    for (std::uint64_t number = count; number-- > first;) {
        const ThreadEntry& entry = m_segment.thread(number);
        if (entry.ready.load(std::memory_order_acquire) == number + 1 && entry.tid == child)
            return m_segment.control(entry.ring).images.load() != 0;
    }
    return false;
}

void RingWriter::publish(RingControl& ring) {
    const std::uint64_t written = static_cast<std::uint64_t>(ring.cursor - ring.mark);
    std::uint64_t* const end = ring.base + ring_words();
    ring.published.store(ring.published.load(std::memory_order_relaxed) + written);
    if (ring.cursor >= end) {
        ring.cursor -= ring_words();
        ring.limit -= ring_words();
    }
    ring.mark = ring.cursor;
    if (ring.consumer_waiting.load() != 0) futex_wake(ring.data_signal);
    tell_consumer();
}

void RingWriter::tell_consumer() {
    SegmentHeader& header = m_segment.header();
    if (header.consumer_waiting.load() != 0) futex_wake(header.news);
}

void RingWriter::make_room(RingControl& ring) {
    publish(ring);
    const std::uint64_t capacity = ring_words() - ring_slack_words - publish_words;
    const auto used = [&] { return ring.published.load(std::memory_order_relaxed) - ring.consumed.load(); };
    if (used() > capacity) {
        // Wait for half a ring of room, not for a little: each wake-up costs microseconds.
        while (true) {
            const std::uint32_t seen = ring.room_signal.load();
            ring.producer_waiting.store(1);
            if (used() <= ring_words() / 2) break;
            futex_wait(ring.room_signal, seen, 50);
            stop_without_consumer();
        }
        ring.producer_waiting.store(0);
    } else if (m_segment.header().closed.load(std::memory_order_relaxed) != 0) {
        stop_without_consumer();
    }
    ring.limit = ring.cursor + publish_words;
}

void RingWriter::release(RingControl& ring) {
    std::uint64_t* const base = ring.base;
    publish(ring);
    munmap(base, 2 * m_segment.header().ring_bytes);
    ring.pid.store(0);
    ring.state.store(RingState::Released);
    tell_consumer();
}

void RingWriter::stop_without_consumer() const {
    const SegmentHeader& header = m_segment.header();
    const bool gone = kill(header.consumer_pid, 0) != 0 && errno == ESRCH;
    if (gone || header.closed.load() != 0) _exit(128 + SIGKILL);
}

void RingWriter::fail(SegmentFailure failure) {
    m_segment.header().failure.store(failure);
    _exit(128 + SIGKILL);
}

} // namespace pagewalk::workloads
