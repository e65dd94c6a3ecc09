#include "workloads/synthetic/object_schedule.h"

#include <algorithm>

namespace pagewalk::workloads {

ObjectSchedule::ObjectSchedule(const KernelObjectsConfig& config, std::vector<ObjectShare> sizes,
                               std::uint32_t thread, std::uint32_t threads, Rng& rng)
    : m_pattern(config.pattern), m_sizes(std::move(sizes)), m_slots(config.slots),
      m_batch(std::min<std::uint64_t>(config.batch, config.slots)), m_left(config.operations),
      m_thread(thread), m_threads(threads), m_rng(rng), m_live(config.slots),
      m_shares((m_slots + m_batch - 1) / m_batch) {
    for (const ObjectShare& share : m_sizes) m_total_weight += share.weight;
    // Whole rounds, so that every thread makes the same calls.
    if (m_pattern == ObjectPattern::Remote)
        m_left = std::max<std::uint64_t>(1, m_left / (2 * m_slots)) * 2 * m_slots;
}

std::uint32_t ObjectSchedule::draw() {
    std::uint64_t at = m_rng.below(m_total_weight);
    for (std::uint32_t i = 0; i < m_sizes.size(); ++i) {
        if (at < m_sizes[i].weight) return i;
        at -= m_sizes[i].weight;
    }
    return 0;
}

bool ObjectSchedule::next(ObjectOperation& operation) {
    if (m_left == 0) return false;
    switch (m_pattern) {
    case ObjectPattern::Churn:
        next_churn(operation);
        break;
    case ObjectPattern::Pairs:
        next_pair(operation);
        break;
    case ObjectPattern::Fill:
    case ObjectPattern::Remote:
        next_fill(operation);
        break;
    }
    m_left -= std::min(m_left, operation.count);
    ++m_call;
    return true;
}

void ObjectSchedule::next_churn(ObjectOperation& operation) {
    const std::uint64_t slot = m_rng.below(m_slots);
    operation = {.handle = m_thread * m_slots + slot};
    std::uint32_t& live = m_live[slot];
    if (live != 0) {
        operation.kind = ObjectOperation::Kind::Free;
        operation.share = live - 1;
        live = 0;
    } else {
        operation.share = draw();
        live = operation.share + 1;
    }
}

void ObjectSchedule::next_pair(ObjectOperation& operation) {
    operation = {.handle = m_thread * m_slots};
    if (m_live[0] == 0) {
        operation.share = draw();
        m_live[0] = operation.share + 1;
    } else {
        operation.kind = ObjectOperation::Kind::Free;
        operation.share = m_live[0] - 1;
        m_live[0] = 0;
    }
}

void ObjectSchedule::next_fill(ObjectOperation& operation) {
    const bool remote = m_pattern == ObjectPattern::Remote;
    const bool allocates = m_phase == ObjectOperation::Kind::Allocate;
    const std::uint32_t filler = remote && !allocates ? (m_thread + m_threads - 1) % m_threads : m_thread;
    operation = {.kind = m_phase,
                 .handle = filler * m_slots + m_at,
                 .count = std::min(m_batch, m_slots - m_at),
                 .order = remote ? 1 + m_call * m_threads + m_thread : 0};
    std::uint32_t& share = m_shares[m_at / m_batch];
    // Another thread's draws are not known here: remote batches take the sizes in turn.
    if (remote)
        share = static_cast<std::uint32_t>(m_at / m_batch % m_sizes.size());
    else if (allocates)
        share = draw();
    operation.share = share;
    m_at += operation.count;
    if (m_at < m_slots) return;
    m_at = 0;
    m_phase = allocates ? ObjectOperation::Kind::Free : ObjectOperation::Kind::Allocate;
}

} // namespace pagewalk::workloads
