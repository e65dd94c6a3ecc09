#include "workloads/qemu/ring_reader.h"

#include "base/error.h"
#include "workloads/qemu/futex.h"

#include <atomic>
#include <immintrin.h>

namespace pagewalk::workloads {

namespace {

/// About 20 us: longer than the producer takes to fill a publishing interval, shorter than a sleep and
/// wake-up costs.
constexpr int spins = 500;

} // namespace

RingReader::RingReader(const Segment& segment, SpillStore& store, std::uint32_t ring)
    : m_segment(segment), m_ring(ring), m_control(segment.view().control(ring)),
      m_mapping(segment.map_ring(ring)), m_store(store) {}

RingReader::~RingReader() {
    for (SpillStore::Piece& piece : m_spill) m_store.forget(piece);
}

std::uint64_t RingReader::published() const {
    return m_closed ? m_final : m_control.published.load(std::memory_order_acquire);
}

/// Words ever written, published or not.
std::uint64_t RingReader::written() const {
    if (m_closed) return m_final;
    const std::uint64_t so_far = m_control.published.load(std::memory_order_acquire);
    std::uint64_t* const at = std::atomic_ref(m_control.cursor).load(std::memory_order_acquire);
    return so_far + (static_cast<std::uint64_t>(at - m_control.base) - so_far) % m_segment.ring_words();
}

std::span<const std::uint64_t> RingReader::words() {
    if (!m_spill.empty()) {
        const std::size_t used = m_spill_used + (m_took_from_spill ? m_taken : 0);
        if (used < m_spill.front().count) {
            m_store.load(m_spill.front());
            return std::span<const std::uint64_t>(m_spill.front().words).subspan(used);
        }
        if (m_spill.size() > 1) {
            m_store.load(m_spill[1]);
            return m_spill[1].words;
        }
    }
    const std::uint64_t first = m_consumed + (m_took_from_spill ? 0 : m_taken);
    const std::uint64_t end = published();
    if (m_detached || first == end) return {};
    return {m_mapping.words() + first % m_segment.ring_words(), end - first};
}

bool RingReader::has_words() const {
    if (m_spill.size() > 1) return true;
    if (!m_spill.empty() && m_spill_used + (m_took_from_spill ? m_taken : 0) < m_spill.front().count)
        return true;
    return published() != m_consumed + (m_took_from_spill ? 0 : m_taken);
}

bool RingReader::is_read_up() const { return m_taken == 0 && !has_words() && written() == m_consumed; }

void RingReader::take(std::size_t count) {
    PAGEWALK_INVARIANT(m_taken == 0);
    m_taken = count;
    m_took_from_spill = !m_spill.empty();
}

void RingReader::release() {
    if (m_took_from_spill) {
        m_spill_used += m_taken;
        if (m_spill_used == m_spill.front().count) {
            m_store.forget(m_spill.front());
            m_spill.pop_front();
            m_spill_used = 0;
        }
    } else if (m_taken != 0) {
        advance(m_taken);
    }
    m_taken = 0;
    m_took_from_spill = false;
    m_frozen = RingMapping();
}

void RingReader::advance(std::uint64_t words) {
    m_consumed += words;
    if (m_closed) return; // nobody waits; the ring may be another's by now
    m_control.consumed.store(m_consumed);
    if (m_control.producer_waiting.load() == 0) return;
    if (published() - m_consumed <= m_segment.ring_words() / 2) futex_wake(m_control.room_signal);
}

void RingReader::wait(std::chrono::milliseconds limit) {
    for (int i = 0; i < spins; ++i) {
        if (has_words()) return;
        _mm_pause();
    }
    const std::uint32_t seen = m_control.data_signal.load();
    m_control.consumer_waiting.store(1);
    if (!has_words()) futex_wait(m_control.data_signal, seen, limit.count());
    m_control.consumer_waiting.store(0);
}

bool RingReader::is_full() const { return !m_closed && m_control.producer_waiting.load() != 0; }

void RingReader::spill() {
    if (m_closed) return;
    spill_published();
}

void RingReader::spill_published() {
    const std::uint64_t held = m_took_from_spill ? 0 : m_taken;
    const std::uint64_t* const base = m_mapping.words() + m_consumed % m_segment.ring_words();
    const std::uint64_t available = published() - m_consumed;
    if (available == held) return;
    // A piece of its own even behind others: words() must stay contiguous within one.
    SpillStore::Piece piece = m_store.put({base + held, base + available});
    if (held != 0) {
        m_mapping.freeze({base, held});
        m_frozen = std::move(m_mapping);
        m_mapping = m_segment.map_ring(m_ring);
        m_taken = 0;
    }
    m_spill.push_back(std::move(piece));
    advance(available);
}

bool RingReader::detach() {
    if (m_detached) return true;
    if (m_taken != 0 && !m_took_from_spill) return false;
    close();
    spill_published();
    m_mapping = RingMapping();
    m_detached = true;
    return true;
}

void RingReader::close() {
    if (m_closed) return;
    m_final = written();
    m_closed = true;
}

bool RingReader::is_left() const { return m_closed || m_control.state.load() == RingState::Released; }

} // namespace pagewalk::workloads
