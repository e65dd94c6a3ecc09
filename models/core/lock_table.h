#pragma once

#include "base/address.h"
#include "base/stats.h"
#include "base/time.h"

#include <array>
#include <cstdint>
#include <unordered_map>

namespace pagewalk::models {

struct LockStats {
    std::uint64_t acquisitions = 0;
    std::uint64_t contended = 0;
    std::uint64_t wait_ticks = 0;

    void declare(StatGroup group) const {
        group.counter("acquisitions", acquisitions, "count", "kernel spin locks taken");
        group.counter("contended", contended, "count", "of these, found held by another CPU");
        group.counter("wait_ticks", wait_ticks, "ps", "time spent spinning");
    }
};

/// When each kernel lock is held, shared by all CPUs. Timed by reservation: a CPU that asks for a moment
/// before a later holder's, as may happen within a quantum, gets the gap.
class LockTable {
public:
    /// The tick, not before `now`, at which the lock is free for the caller.
    [[nodiscard]] Tick acquire(VirtAddr lock, Tick now) {
        Lock& entry = m_locks[lock.value()];
        Tick start = now;
        for (bool moved = true; moved;) {
            moved = false;
            for (const Interval& held : entry.held)
                if (start >= held.from && start < held.to) {
                    start = held.to;
                    moved = true;
                }
        }
        ++m_stats.acquisitions;
        if (start != now) {
            ++m_stats.contended;
            m_stats.wait_ticks += (start - now).value();
        }
        entry.acquired = start;
        return start;
    }
    void release(VirtAddr lock, Tick now) {
        Lock& entry = m_locks[lock.value()];
        entry.held[entry.next++ % entry.held.size()] = {entry.acquired, now};
    }
    [[nodiscard]] const LockStats& stats() const { return m_stats; }

private:
    struct Interval {
        Tick from{}, to{};
    };
    struct Lock {
        Tick acquired{};
        std::uint32_t next = 0;
        std::array<Interval, 8> held{}; ///< the latest holders
    };
    std::unordered_map<std::uint64_t, Lock> m_locks;
    LockStats m_stats;
};

} // namespace pagewalk::models
