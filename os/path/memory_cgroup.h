#pragma once

#include "base/address.h"
#include "base/stats.h"
#include "os/page/gfp.h"
#include "os/page/reclaimer.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace pagewalk::os {

struct Operation;

/// What the processes of one program are charged for, and how much it may be: memory.current and memory.max
/// of a memory cgroup. Pages. Source: Documentation/admin-guide/cgroup-v2.rst of Linux 6.1, "Memory".
struct MemoryCgroup {
    std::uint16_t number = 0; ///< from 1 on
    std::uint64_t limit = ~0ULL;
    std::uint64_t usage = 0;
    std::uint64_t peak = 0;       ///< memory.peak
    std::uint64_t limit_hits = 0; ///< memory.events: max. Charges that found no room
    std::uint64_t oom_kills = 0;  ///< memory.events: oom_kill. Processes
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
    [[nodiscard]] MemoryCgroup& add(std::uint64_t limit_pages);
    void on_pressure(CgroupPressure& pressure) { m_pressure = &pressure; }

    /// Charges a block of 2^order frames to the operation's group: reclaims, then kills, where there is no
    /// room (try_charge_memcg). What an operation allocates whose own process is killed is not charged: it
    /// must only come to its end. False: there is no room, and `mask` does not allow to make any. What must
    /// not fail is charged beyond the limit.
    [[nodiscard]] bool charge(Operation& op, Pfn frame, unsigned order, GfpMask mask);
    /// A block of 2^order frames is freed: whoever was charged for them is not any more.
    void uncharge(Pfn frame, unsigned order);
    /// The page in `from` is in `to` from now on (mem_cgroup_migrate).
    void move(Pfn from, Pfn to);

    void declare(StatGroup group) const;

private:
    enum class Room : std::uint8_t { Made, RequesterKilled, None };
    [[nodiscard]] Room make_room(Operation& op, std::uint64_t pages, unsigned order, GfpMask mask);
    [[nodiscard]] std::uint16_t group_of(Pfn frame) const;

    std::deque<MemoryCgroup> m_groups;
    std::vector<std::uint16_t> m_charged; ///< by frame: a group's number from 1 on; 0: none
    CgroupPressure m_nobody;
    CgroupPressure* m_pressure = &m_nobody;
    std::uint64_t m_peak = 0, m_limit_hits = 0, m_oom_kills = 0; ///< of all groups
};

} // namespace pagewalk::os
