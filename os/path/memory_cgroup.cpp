#include "os/path/memory_cgroup.h"

#include "os/path/operation.h"

#include <algorithm>

namespace pagewalk::os {

namespace {

constexpr unsigned reclaim_retries = 16; // MAX_RECLAIM_RETRIES

} // namespace

MemoryCgroup& MemoryCgroups::add(std::uint64_t limit_pages) {
    const auto number = static_cast<std::uint16_t>(m_groups.size() + 1);
    return m_groups.emplace_back(MemoryCgroup{.number = number, .limit = limit_pages});
}

std::uint16_t MemoryCgroups::group_of(Pfn frame) const {
    return frame.value() < m_charged.size() ? m_charged[frame.value()] : std::uint16_t{0};
}

bool MemoryCgroups::charge(Operation& op, Pfn frame, unsigned order, GfpMask mask) {
    MemoryCgroup& group = *op.cgroup;
    const std::uint64_t pages = 1ULL << order;
    if (group.usage + pages > group.limit) {
        const Room room = make_room(op, pages, order, mask);
        if (room == Room::RequesterKilled) return true;
        if (room == Room::None && !mask.any(gfp::nofail | gfp::high)) return false;
    }
    group.usage += pages;
    group.peak = std::max(group.peak, group.usage);
    m_peak = std::max(m_peak, group.peak);
    if (frame.value() + pages > m_charged.size()) m_charged.resize(frame.value() + pages);
    std::fill_n(m_charged.begin() + static_cast<std::ptrdiff_t>(frame.value()), pages, group.number);
    return true;
}

MemoryCgroups::Room MemoryCgroups::make_room(Operation& op, std::uint64_t pages, unsigned order,
                                             GfpMask mask) {
    MemoryCgroup& group = *op.cgroup;
    unsigned retries = reclaim_retries;
    while (group.usage + pages > group.limit) {
        ++group.limit_hits;
        ++m_limit_hits;
        if (!mask.any(gfp::direct_reclaim)) return Room::None;
        const bool progress = m_pressure->reclaim(op, group, pages) != 0;
        if (progress && retries-- != 0) continue;
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
    group.counter("oom_kill", m_oom_kills, "count", "processes killed because of a memory_limit");
}

} // namespace pagewalk::os
