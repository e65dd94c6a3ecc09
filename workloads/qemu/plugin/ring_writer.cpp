#include "workloads/qemu/plugin/ring_writer.h"

#include "workloads/qemu/futex.h"

#include <cerrno>
#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>

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

RingControl* RingWriter::claim() {
    SegmentHeader& header = m_segment.header();
    const std::uint32_t serial = header.thread_count.fetch_add(1);
    if (serial >= max_threads) fail(SegmentFailure::TooManyThreads);

    for (std::uint32_t tries = 0; tries < max_rings; ++tries) {
        const std::uint32_t slot = (serial + tries) % max_rings;
        RingControl& ring = m_segment.control(slot);
        RingState expected = RingState::Free;
        if (!ring.state.compare_exchange_strong(expected, RingState::Claimed)) continue;

        std::byte* storage = reinterpret_cast<std::byte*>(&header) + ring_offset + slot * header.ring_bytes;
        ring.base = map_twice(storage, header.ring_bytes);
        if (ring.base == nullptr) fail(SegmentFailure::MapFailed);
        ring.cursor = ring.mark = ring.base;
        ring.limit = ring.base + publish_words;

        ThreadEntry& entry = m_segment.thread(serial);
        entry.ring = slot;
        entry.tid = static_cast<std::int32_t>(syscall(SYS_gettid));
        entry.pid = static_cast<std::int32_t>(getpid());
        entry.parent_pid = static_cast<std::int32_t>(getppid());
        entry.ready.store(1, std::memory_order_release);
        return &ring;
    }
    fail(SegmentFailure::TooManyRings);
}

RingControl* RingWriter::continue_thread(std::uint32_t entry) {
    SegmentHeader& header = m_segment.header();
    const std::uint32_t slot = m_segment.thread(entry).ring;
    RingControl& ring = m_segment.control(slot);
    std::byte* storage = reinterpret_cast<std::byte*>(&header) + ring_offset + slot * header.ring_bytes;
    std::uint64_t* const base = map_twice(storage, header.ring_bytes);
    if (base == nullptr) fail(SegmentFailure::MapFailed);
    ring.base = base;
    ring.cursor = ring.mark = ring.limit = base + ring.published.load() % ring_words();
    for (std::uint32_t i = 0; i < header.thread_count.load() && i < max_threads; ++i) {
        ThreadEntry& other = m_segment.thread(i);
        if (i != entry && other.pid == static_cast<std::int32_t>(getpid())) other.gone.store(1);
    }
    return &ring;
}

bool RingWriter::has_left_parents_memory(std::int32_t child) const {
    const std::uint32_t count = m_segment.header().thread_count.load();
    for (std::uint32_t i = count < max_threads ? count : max_threads; i-- > 0;) {
        const ThreadEntry& entry = m_segment.thread(i);
        if (entry.ready.load(std::memory_order_acquire) == 0 || entry.tid != child) continue;
        if (entry.images.load() != 0) return true;
        break;
    }
    siginfo_t info{};
    const auto id = static_cast<id_t>(child);
    return waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
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
    ring.state.store(RingState::Released);
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
