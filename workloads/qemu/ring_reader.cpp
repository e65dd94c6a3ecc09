#include "workloads/qemu/ring_reader.h"

#include "base/error.h"
#include "workloads/qemu/futex.h"

#include <immintrin.h>

namespace pagewalk::workloads {

namespace {

/// About 20 us: longer than the producer takes to fill a publishing interval, shorter than a sleep and
/// wake-up costs.
constexpr int spins = 500;

} // namespace

RingReader::RingReader(const Segment& segment, std::uint32_t ring)
    : m_segment(segment), m_ring(ring), m_control(segment.view().control(ring)),
      m_mapping(segment.map_ring(ring)) {}

std::uint64_t RingReader::published() const {
    return m_closed ? m_final : m_control.published.load(std::memory_order_acquire);
}

std::span<const std::uint64_t> RingReader::words() const {
    if (!m_spill.empty()) {
        const auto& piece = m_spill.front();
        const std::size_t used = m_spill_used + (m_took_from_spill ? m_taken : 0);
        if (used < piece.size()) return std::span(piece).subspan(used);
        if (m_spill.size() > 1) return m_spill[1];
    }
    const std::uint64_t first = m_consumed + (m_took_from_spill ? 0 : m_taken);
    return {m_mapping.words() + first % m_segment.ring_words(), published() - first};
}

void RingReader::take(std::size_t count) {
    PAGEWALK_INVARIANT(m_taken == 0);
    m_taken = count;
    m_took_from_spill = !m_spill.empty();
}

void RingReader::release() {
    if (m_took_from_spill) {
        m_spill_used += m_taken;
        if (m_spill_used == m_spill.front().size()) {
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
    m_control.consumed.store(m_consumed);
    if (m_control.producer_waiting.load() == 0) return;
    if (published() - m_consumed <= m_segment.ring_words() / 2) futex_wake(m_control.room_signal);
}

void RingReader::wait(std::chrono::milliseconds limit) {
    for (int i = 0; i < spins; ++i) {
        if (!words().empty()) return;
        _mm_pause();
    }
    const std::uint32_t seen = m_control.data_signal.load();
    m_control.consumer_waiting.store(1);
    if (words().empty()) futex_wait(m_control.data_signal, seen, limit.count());
    m_control.consumer_waiting.store(0);
}

bool RingReader::is_full() const { return !m_closed && m_control.producer_waiting.load() != 0; }

void RingReader::spill() {
    if (m_closed) return;
    const std::uint64_t held = m_took_from_spill ? 0 : m_taken;
    const std::uint64_t* const base = m_mapping.words() + m_consumed % m_segment.ring_words();
    const std::uint64_t available = published() - m_consumed;
    if (available == held) return;
    // A piece of its own even behind others: words() must stay contiguous within one.
    std::vector<std::uint64_t> piece(base + held, base + available);
    if (held != 0) {
        m_mapping.freeze({base, held});
        m_frozen = std::move(m_mapping);
        m_mapping = m_segment.map_ring(m_ring);
        m_taken = 0;
    }
    m_spill.push_back(std::move(piece));
    advance(available);
}

void RingReader::close() {
    if (m_closed) return;
    const std::uint64_t so_far = m_control.published.load(std::memory_order_acquire);
    const std::uint64_t cursor = static_cast<std::uint64_t>(m_control.cursor - m_control.base);
    m_final = so_far + (cursor - so_far) % m_segment.ring_words();
    m_closed = true;
}

bool RingReader::is_left() const { return m_closed || m_control.state.load() == RingState::Released; }

} // namespace pagewalk::workloads
