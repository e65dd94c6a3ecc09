#include "os/path/memory_cgroup.h"

#include "os/path/operation.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {

namespace {

constexpr unsigned reclaim_retries = 16;   // MAX_RECLAIM_RETRIES
constexpr std::uint64_t charge_batch = 64; // MEMCG_CHARGE_BATCH

/// calculate_high_delay: grows with the square of the share by which usage is beyond the limit.
Tick high_delay(const MemoryCgroup& group, std::uint64_t pages) {
    constexpr unsigned precision_shift = 20, scaling_shift = 14;
    constexpr std::uint64_t jiffies_a_second = 250, longest = 2 * jiffies_a_second;
    const std::uint64_t high = std::max<std::uint64_t>(group.limits.high, 1);
    const std::uint64_t overage =
        std::min<std::uint64_t>(((group.usage - group.limits.high) << precision_shift) / high, 1ULL << 26);
    const std::uint64_t whole = overage * overage * jiffies_a_second >> precision_shift >> scaling_shift;
    const std::uint64_t jiffies = std::min(whole * pages / charge_batch, longest);
    if (jiffies <= jiffies_a_second / 100) return Tick();
    return Tick(jiffies * (ticks_per_second / jiffies_a_second));
}

} // namespace

MemoryCgroup& MemoryCgroups::add(const MemoryLimits& limits) {
    const auto number = static_cast<std::uint16_t>(m_groups.size() + 1);
    return m_groups.emplace_back(MemoryCgroup{.number = number, .limits = limits});
}

bool MemoryCgroups::charge(Operation& op, Pfn frame, unsigned order, GfpMask mask) {
    MemoryCgroup& group = *op.cgroup;
    const std::uint64_t pages = 1ULL << order;
    if (group.usage + pages > group.limits.max) {
        const Room room = make_room(op, pages, order, mask);
        if (room == Room::RequesterKilled) return true;
        if (room == Room::None && !mask.any(gfp::nofail | gfp::high)) return false;
    }
    group.usage += pages;
    group.peak = std::max(group.peak, group.usage);
    m_peak = std::max(m_peak, group.peak);
    if (frame.value() + pages > m_charged.size()) m_charged.resize(frame.value() + pages);
    std::fill_n(m_charged.begin() + static_cast<std::ptrdiff_t>(frame.value()), pages, group.number);
    if (group.usage > group.limits.high) heed_high_limit(op, group, pages, mask);
    return true;
}

/// mem_cgroup_handle_over_high, a batch of charges at a time; Linux does it on the way back to the program.
void MemoryCgroups::heed_high_limit(Operation& op, MemoryCgroup& group, std::uint64_t pages, GfpMask mask) {
    group.over_high += pages;
    if (group.over_high < charge_batch || !mask.any(gfp::direct_reclaim) || !op.may_wait()) return;
    const std::uint64_t over = std::exchange(group.over_high, 0);
    ++group.high_hits;
    ++m_high_hits;
    (void)m_pressure->reclaim(op, group, over);
    if (group.usage <= group.limits.high) return;
    if (const Tick delay = high_delay(group, over); delay != Tick()) op.host->sleep(op, op.now + delay);
}

MemoryCgroups::Room MemoryCgroups::make_room(Operation& op, std::uint64_t pages, unsigned order,
                                             GfpMask mask) {
    MemoryCgroup& group = *op.cgroup;
    unsigned retries = reclaim_retries;
    while (group.usage + pages > group.limits.max) {
        ++group.limit_hits;
        ++m_limit_hits;
        if (!mask.any(gfp::direct_reclaim)) return Room::None;
        const bool progress = m_pressure->reclaim(op, group, pages) != 0;
        if (group.usage + pages <= group.limits.max) continue;
        if (mask.any(gfp::noretry)) return Room::None;
        if (progress && order <= costly_order) continue;
        if (retries-- != 0) continue;
        if (order > costly_order || mask.any(gfp::retry_mayfail)) return Room::None;
        const std::uint64_t kills = group.oom_kills;
        const OomOutcome outcome = m_pressure->out_of_memory(op, group);
        m_oom_kills += group.oom_kills - kills;
        retries = reclaim_retries;
        if (outcome == OomOutcome::NoVictim) return Room::None;
        if (outcome == OomOutcome::RequesterKilled) return Room::RequesterKilled;
    }
    return Room::Made;
}

void MemoryCgroups::uncharge(Pfn frame, unsigned order) {
    for (std::uint64_t i = 0; i < 1ULL << order; ++i) {
        const std::uint16_t number = group_of(frame + i);
        if (number == 0) continue;
        --m_groups[number - 1U].usage;
        m_charged[(frame + i).value()] = 0;
    }
}

void MemoryCgroups::move(Pfn from, Pfn to) {
    const std::uint16_t number = group_of(from);
    if (number == 0) return;
    if (to.value() >= m_charged.size()) m_charged.resize(to.value() + 1);
    m_charged[to.value()] = number;
    m_charged[from.value()] = 0;
}

void MemoryCgroups::declare(StatGroup group) const {
    group.gauge("peak", m_peak, "pages", "most that a program with a memory_limit was charged for at a time");
    group.counter("limit_hits", m_limit_hits, "count", "charges that found no room below a memory_limit");
    group.counter("high_hits", m_high_hits, "count",
                  "reclaims because a program was charged for more than its memory_high");
    group.counter("oom_kill", m_oom_kills, "count", "processes killed because of a memory_limit");
}

} // namespace pagewalk::os
