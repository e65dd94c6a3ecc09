#pragma once

#include "base/address.h"
#include "base/stats.h"
#include "os/page/gfp.h"
#include "os/page/reclaimer.h"
#include "os/path/reclaim_counters.h"

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace pagewalk::os {

struct Operation;

/// How much a memory cgroup may have, in pages: memory.max, memory.high and so on.
struct MemoryLimits {
    static constexpr std::uint64_t none = ~0ULL;

    std::uint64_t max = none;  ///< beyond it: reclaim, then the OOM killer
    std::uint64_t high = none; ///< beyond it: reclaim and pauses
    std::uint64_t low = 0;     ///< below it others are reclaimed first
    std::uint64_t min = 0;     ///< below it nothing is reclaimed
    std::uint64_t swap = none; ///< memory.swap.max

    bool operator==(const MemoryLimits&) const = default;
};

/// What the processes of one program are charged for, and what has come of it. Pages. Source:
/// Documentation/admin-guide/cgroup-v2.rst of Linux 6.1, "Memory".
struct MemoryCgroup {
    std::uint16_t number = 0; ///< from 1 on
    MemoryLimits limits;
    std::uint64_t usage = 0;      ///< memory.current
    std::uint64_t peak = 0;       ///< memory.peak
    std::uint64_t swap_usage = 0; ///< memory.swap.current
    // memory.events
    std::uint64_t limit_hits = 0; ///< max: charges that found no room
    std::uint64_t high_hits = 0;  ///< high: reclaims because of the high limit
    std::uint64_t low_hits = 0;   ///< low: reclaims although usage is below the low limit
    std::uint64_t oom_kills = 0;  ///< oom_kill: processes
    // memory.stat
    std::array<std::uint64_t, lru_kind_count> refaults{};
    std::uint64_t scanned = 0;   ///< pgscan
    std::uint64_t reclaimed = 0; ///< pgsteal
    std::uint64_t refilled = 0;  ///< pgrefill
    std::uint64_t over_high = 0; ///< charged beyond the high limit since somebody had to pause
};

/// Asked when a charge finds no room. The default has nothing to reclaim and nobody to kill.
class CgroupPressure {
public:
    virtual ~CgroupPressure() = default;

    /// try_to_free_mem_cgroup_pages: frees pages that `group` is charged for. Returns how many. May wait.
    [[nodiscard]] virtual std::uint64_t reclaim(Operation& op, MemoryCgroup& group, std::uint64_t pages) {
        (void)op, (void)group, (void)pages;
        return 0;
    }
    /// mem_cgroup_out_of_memory: kills the largest process of `group`.
    [[nodiscard]] virtual OomOutcome out_of_memory(Operation& op, MemoryCgroup& group) {
        (void)op, (void)group;
        return OomOutcome::NoVictim;
    }
};

/// The memory cgroups of a machine, and which of them each frame is charged to.
class MemoryCgroups {
public:
    /// Stays where it is.
    [[nodiscard]] MemoryCgroup& add(const MemoryLimits& limits);
    [[nodiscard]] std::deque<MemoryCgroup>& all() { return m_groups; }
    [[nodiscard]] const std::deque<MemoryCgroup>& all() const { return m_groups; }
    /// The group of this number; null for 0.
    [[nodiscard]] MemoryCgroup* find(std::uint16_t number) {
        return number == 0 ? nullptr : &m_groups[number - 1U];
    }
    /// The number of the group that the frame is charged to; 0: none.
    [[nodiscard]] std::uint16_t group_of(Pfn frame) const {
        return frame.value() < m_charged.size() ? m_charged[frame.value()] : std::uint16_t{0};
    }
    void on_pressure(CgroupPressure& pressure) { m_pressure = &pressure; }

    /// Charges a block of 2^order frames to the operation's group: reclaims, then kills, where there is no
    /// room (try_charge_memcg); beyond the high limit it reclaims and pauses. What an operation allocates
    /// whose own process is killed is not charged: it must only come to its end. False: there is no room, and
    /// `mask` does not allow to make any. What must not fail is charged beyond the limit.
    [[nodiscard]] bool charge(Operation& op, Pfn frame, unsigned order, GfpMask mask);
    /// A block of 2^order frames is freed: whoever was charged for them is not any more.
    void uncharge(Pfn frame, unsigned order);
    /// The page in `from` is in `to` from now on (mem_cgroup_migrate).
    void move(Pfn from, Pfn to);

    /// May pages of the group of this number go to swap, as far as the group is concerned?
    [[nodiscard]] bool may_swap(std::uint16_t number) const {
        return number == 0 || m_groups[number - 1U].swap_usage < m_groups[number - 1U].limits.swap;
    }
    /// A slot is used for a page of the group of this number, or no more.
    void charge_swap(std::uint16_t number) {
        if (MemoryCgroup* const group = find(number)) ++group->swap_usage;
    }
    void uncharge_swap(std::uint16_t number) {
        if (MemoryCgroup* const group = find(number)) --group->swap_usage;
    }

    void declare(StatGroup group) const;

private:
    enum class Room : std::uint8_t { Made, RequesterKilled, None };
    [[nodiscard]] Room make_room(Operation& op, std::uint64_t pages, unsigned order, GfpMask mask);
    void heed_high_limit(Operation& op, MemoryCgroup& group, std::uint64_t pages, GfpMask mask);

    std::deque<MemoryCgroup> m_groups;
    std::vector<std::uint16_t> m_charged; ///< by frame: a group's number from 1 on; 0: none
    CgroupPressure m_nobody;
    CgroupPressure* m_pressure = &m_nobody;
    std::uint64_t m_peak = 0, m_limit_hits = 0, m_high_hits = 0, m_oom_kills = 0; ///< of all groups
};

} // namespace pagewalk::os
